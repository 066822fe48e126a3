//! Logarithms and their inverse in whole thousandths, from integers alone.

/// ln 2 in units of 2^-48.
const LN_2: u128 = 195_103_586_505_167;
const FRACTION_BITS: u32 = 40;
/// What stands for 1 in [`exp_neg_milli`].
pub(super) const ONE: u64 = 1_000_000_000;
/// `e^(-2^k / 1000)` in units of 2^-32, for k = 0, 1, …
const EXP_NEG: [u64; 15] = [
    4_290_674_475,
    4_286_385_946,
    4_277_821_741,
    4_260_744_631,
    4_226_794_655,
    4_159_704_096,
    4_028_700_796,
    3_778_941_489,
    3_324_914_438,
    2_573_955_809,
    1_542_560_875,
    554_019_132,
    71_464_385,
    1_189_103,
    329,
];

/// `1000 ln n`, rounded down; 0 for 0.
pub(super) fn ln_milli(n: u64) -> i32 {
    if n < 2 {
        return 0;
    }
    let whole = n.ilog2();
    // The mantissa, in [1, 2), with 63 bits behind the point; its logarithm comes bit by bit.
    let mut mantissa = u128::from(n) << (63 - whole);
    let mut log_2 = u128::from(whole) << FRACTION_BITS;
    for bit in (0..FRACTION_BITS).rev() {
        mantissa = (mantissa * mantissa) >> 63;
        if mantissa >= 1 << 64 {
            mantissa >>= 1;
            log_2 |= 1 << bit;
        }
    }
    let milli = (log_2 * LN_2 * 1_000) >> (FRACTION_BITS + 48);
    i32::try_from(milli).unwrap_or(i32::MAX)
}

/// `e^(-milli / 1000)` in units of 1 / [`ONE`].
pub(super) fn exp_neg_milli(milli: i32) -> u64 {
    let milli = u32::try_from(milli).unwrap_or(0);
    if milli >= 1 << EXP_NEG.len() {
        return 0;
    }
    let mut product = 1_u64 << 32;
    for (bit, factor) in EXP_NEG.iter().enumerate() {
        if milli >> bit & 1 == 1 {
            product = (product * factor) >> 32;
        }
    }
    (product * ONE) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logarithm_is_rounded_down_to_a_thousandth() {
        let known = [(0, 0), (1, 0), (2, 693), (3, 1_098), (10, 2_302), (1_000_000, 13_815)];
        for (n, milli) in known {
            assert_eq!(ln_milli(n), milli, "{n}");
        }
        assert_eq!(ln_milli(u64::MAX), 44_361);
    }

    #[test]
    fn the_inverse_comes_back_to_the_same_thousandth() {
        assert_eq!((exp_neg_milli(0), exp_neg_milli(i32::MAX), exp_neg_milli(-5)), (ONE, 0, ONE));
        for milli in (0..9_000).step_by(7) {
            let back = ln_milli(ONE) - ln_milli(exp_neg_milli(milli));
            assert!((back - milli).abs() <= 1, "{milli} became {back}");
        }
    }
}
