"""Refusals of members.

Owns: the codes, statuses and titles of what it declines.
Never: renders an answer.
"""

from onepark.kernel.errors import Refusal


class LotUnknown(Refusal):
    """None of the operator's lots has this code."""

    code = "membership.lot_unknown"
    status = 404
    title = "None of this operator's lots has this code."
    title_zh = "该经营单位没有此停车场"


class OperatorNotNamed(Refusal):
    """The city says for whom it acts; an operator acts for itself."""

    code = "membership.operator_not_named"
    status = 422
    title = "Say for which operator; an operator's staff act for their own."
    title_zh = "须指明经营单位；经营单位人员只能办理本单位业务"


class PlateInvalid(Refusal):
    """No plate can look like this."""

    code = "membership.plate_invalid"
    status = 422
    title = "This is no plate."
    title_zh = "车牌号无效"


class TermInvalid(Refusal):
    """It ends before it begins, begins in the past, or lasts too long."""

    code = "membership.term_invalid"
    status = 422
    title = "The term is not possible."
    title_zh = "有效期不合理"


class ProductUnknown(Refusal):
    """No such product is on sale."""

    code = "membership.product_unknown"
    status = 404
    title = "No such product is on sale."
    title_zh = "没有此在售产品"


class ProductInvalid(Refusal):
    """The product contradicts itself."""

    code = "membership.product_invalid"
    status = 422
    title = "The product contradicts itself."
    title_zh = "产品定义自相矛盾"


class ProofNeeded(Refusal):
    """Staff sell it to whoever proves that he is entitled."""

    code = "membership.proof_needed"
    status = 422
    title = "This product is given by staff, with a proof."
    title_zh = "该产品须凭证明由工作人员办理"


class SoldOut(Refusal):
    """As many passes as the lot takes are valid already."""

    code = "membership.sold_out"
    status = 409
    title = "No more of these passes are given at present."
    title_zh = "名额已满"


class PassUnknown(Refusal):
    """No such pass of one's own."""

    code = "membership.pass_unknown"
    status = 404
    title = "No such pass."
    title_zh = "没有此通行证"


class PassEnded(Refusal):
    """It is not active any more, or not yet."""

    code = "membership.pass_ended"
    status = 409
    title = "The pass is not active."
    title_zh = "通行证未生效或已失效"


class NothingDue(Refusal):
    """The pass is paid for."""

    code = "membership.nothing_due"
    status = 409
    title = "Nothing is owed for this pass."
    title_zh = "该通行证无应付金额"


class EntryUnknown(Refusal):
    """No such entry of a white list, or it has ended."""

    code = "membership.entry_unknown"
    status = 404
    title = "No such entry, or it has ended."
    title_zh = "没有此白名单记录，或已失效"


class FleetUnknown(Refusal):
    """No such fleet of one's own."""

    code = "membership.fleet_unknown"
    status = 404
    title = "No such fleet."
    title_zh = "没有此车队"


class CarInFleet(Refusal):
    """The car is in the fleet already."""

    code = "membership.car_in_fleet"
    status = 409
    title = "The car is in the fleet already."
    title_zh = "车辆已在车队中"


class CarNotInFleet(Refusal):
    """The car is not in the fleet."""

    code = "membership.car_not_in_fleet"
    status = 404
    title = "The car is not in the fleet."
    title_zh = "车辆不在车队中"


class TooManyTries(Refusal):
    """Too many look-ups or codes from one address."""

    code = "membership.too_many_tries"
    status = 429
    title = "Too many tries; come back later."
    title_zh = "尝试过于频繁，请稍后再试"


class BatchUnknown(Refusal):
    """No such batch of coupons of one's own."""

    code = "membership.batch_unknown"
    status = 404
    title = "No such batch of coupons."
    title_zh = "没有此批优惠券"


class BatchInvalid(Refusal):
    """The batch contradicts itself, or promises more than its budget."""

    code = "membership.batch_invalid"
    status = 422
    title = "The batch of coupons contradicts itself."
    title_zh = "优惠券批次自相矛盾或超出预算"


class CouponUnknown(Refusal):
    """No coupon has this code."""

    code = "membership.coupon_unknown"
    status = 404
    title = "No coupon has this code."
    title_zh = "没有此优惠券"


class CouponUsed(Refusal):
    """It was redeemed for another order."""

    code = "membership.coupon_used"
    status = 409
    title = "The coupon was redeemed before."
    title_zh = "优惠券已使用"


class CouponExpired(Refusal):
    """It is too early, too late, stopped, or its merchant's budget is spent."""

    code = "membership.coupon_expired"
    status = 409
    title = "The coupon is not valid now."
    title_zh = "优惠券当前无效"


class CouponNotHere(Refusal):
    """It is not of this lot, or does not go with those that the order has."""

    code = "membership.coupon_not_here"
    status = 409
    title = "The coupon cannot be used for this order."
    title_zh = "优惠券不能用于此订单"


class OrderNotOpen(Refusal):
    """No car is inside under this order or plate, or under several."""

    code = "membership.order_not_open"
    status = 404
    title = "No open order, or more than one: give its number."
    title_zh = "没有进行中的订单，或不止一个：请提供订单号"
