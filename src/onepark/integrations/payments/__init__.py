"""Payment channels: WeChat Pay and Alipay behind the port of payments."""
