/**
 * Other authors' signing code behind one pipe: a JSON question a line, a JSON answer a line.
 *
 * Owns: which function of which judge answers a question.
 * Never: sorts, signs, verifies or seals by itself, or learns how OnePark does it.
 */
"use strict";

const readline = require("node:readline");

const { AlipaySdk } = require("alipay-sdk");
const { Webhook } = require("standardwebhooks");
const { Aes, Decorator, Formatter, Rsa, Wechatpay } = require("wechatpay-axios-plugin");

const TIMEOUT_MS = 5_000;
const AUTHORIZATION_FIELD = /(\w+)="([^"]*)"/g;

const asPublic = (pem) => Rsa.from(pem, Rsa.KEY_TYPE_PUBLIC);
const asPrivate = (pem) => Rsa.from(pem, Rsa.KEY_TYPE_PRIVATE);

/** Answers true; a judge that only says false refuses like one that throws. */
function believed(verdict) {
  if (verdict !== true) {
    throw new Error("the signature does not fit");
  }
  return true;
}

function anAlipaySdk({ key, app_id: appId = "judge", private_key: privateKey = "none", gateway }) {
  return new AlipaySdk({
    appId,
    privateKey: privateKey.trim(),
    keyType: "PKCS8",
    ...(key && { alipayPublicKey: key.trim() }),
    ...(gateway && { gateway }),
    camelcase: false,
    timeout: TIMEOUT_MS,
  });
}

const ANSWERS = {
  "rsa.sign": ({ private_key: key, text }) => Rsa.sign(text, asPrivate(key)),

  /** The Authorization header that the plugin would send. */
  "wechat.authorization": ({ private_key: key, mchid, serial, nonce, stamp, method, target, body }) => {
    const signature = Rsa.sign(Formatter.request(method, target, stamp, nonce, body), asPrivate(key));
    return Formatter.authorization(mchid, nonce, signature, stamp, serial);
  },

  "wechat.request": ({ key, authorization, method, target, body }) => {
    const given = Object.fromEntries(
      [...authorization.matchAll(AUTHORIZATION_FIELD)].map(([, name, value]) => [name, value]),
    );
    const text = Formatter.request(method, target, given.timestamp, given.nonce_str, body);
    return believed(Rsa.verify(text, given.signature, asPublic(key)));
  },

  /** A notice or an answer as a whole: its four headers, its window, its key, its signature. */
  "wechat.message": ({ keys, headers, body }) => {
    const ring = Object.fromEntries(Object.entries(keys).map(([id, pem]) => [id, asPublic(pem)]));
    const said = Decorator.responseVerifier(ring).call({}, body, headers);
    if (said !== body) {
      throw new Error(said.code);
    }
    return true;
  },

  "wechat.signature": ({ private_key: key, stamp, nonce, body }) =>
    Rsa.sign(Formatter.response(stamp, nonce, body), asPrivate(key)),

  "wechat.seal": ({ plain, key, nonce, associated_data: data }) =>
    Aes.AesGcm.encrypt(plain, key, nonce, data),

  "wechat.unseal": ({ ciphertext, key, nonce, associated_data: data }) =>
    Aes.AesGcm.decrypt(ciphertext, key, nonce, data),

  /** The plugin as a merchant's client, over HTTP. */
  "wechat.call": async ({ private_key: privateKey, keys, mchid, serial, base_url: baseURL, ...call }) => {
    const client = new Wechatpay({
      mchid, serial, privateKey, certs: keys, baseURL, proxy: false, timeout: TIMEOUT_MS,
    }).client;
    try {
      const answer = await client.request(call.path, call.method, call.body, { params: call.params });
      return { status: answer.status, data: answer.data };
    } catch (error) {
      throw error.response?.status >= 400 ? new Error(error.response.data.code) : new Error(error.code);
    }
  },

  /** A form with its signature, read by the language's own reader of forms. */
  "alipay.form": ({ key, form }) =>
    believed(anAlipaySdk({ key }).checkNotifySignV2(Object.fromEntries(new URLSearchParams(form)))),

  /** A signed request as a query. */
  "alipay.request": ({ private_key, app_id, method, params }) =>
    anAlipaySdk({ private_key, app_id }).sdkExecute(method, params),

  /** A signed notice; whoever wants `sign_type` covered puts it among the fields. */
  "alipay.notice": ({ private_key: key, fields }) => {
    const text = Formatter.queryStringLike(Formatter.ksort(fields));
    const sign = Rsa.sign(text, asPrivate(key));
    return new URLSearchParams({ ...fields, sign_type: "RSA2", sign }).toString();
  },

  "alipay.answer": ({ key, node, body }) => {
    anAlipaySdk({ key }).checkResponseSign(body, node, JSON.parse(body).sign, "");
    return true;
  },

  /** Alipay's kit as an app's client, over HTTP; it believes signed answers only. */
  "alipay.call": ({ method, params, ...given }) =>
    anAlipaySdk(given).exec(method, params, { validateSign: true }),

  "webhook.sign": ({ secret, id, stamp, body }) =>
    new Webhook(secret).sign(id, new Date(stamp * 1000), body),

  "webhook.verify": ({ secret, headers, body }) => {
    new Webhook(secret).verify(body, headers, { jsonParse: false });
    return true;
  },
};

async function reply(line) {
  const { ask, ...question } = JSON.parse(line);
  if (!Object.hasOwn(ANSWERS, ask)) {
    return { unknown: ask };
  }
  try {
    return { answer: await ANSWERS[ask](question) };
  } catch (error) {
    return { refused: `${error.name}: ${error.message}` };
  }
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await reply(line))}\n`);
  }
}

main();
