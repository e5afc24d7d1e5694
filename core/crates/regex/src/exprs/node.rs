use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

/// A hash-consed byte-level regular expression of an [`Exprs`](crate::Exprs) arena: equal ids
/// mean equal structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExprId(pub(crate) u32);

impl ExprId {
    #[inline]
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// The maximum of a repetition without one.
pub(crate) const INFINITE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Empty,
    Epsilon,
    /// One byte of the set with this id; never empty.
    Set(u32),
    /// Nested to the right: the head is never a `Concat`, and neither part is trivial.
    Concat(ExprId, ExprId),
    /// A range of the arena's children, sorted by id, at least two, none an `Or`.
    Or(u32, u32),
    /// The same for `And`.
    And(u32, u32),
    Not(ExprId),
    Repeat(ExprId, u32, u32),
    /// A named expression: a state of a system of equations. Not empty.
    Named(u32),
    /// What is left of a set of words; see `words`. Neither empty nor [`Node::Epsilon`].
    Words(u32),
    /// A state of the automaton of multiples; see `remainders`.
    Remainder(u32),
}

/// What is known of a node from its syntax.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meta {
    pub nullable: bool,
    pub pure: bool,
    pub depth: u32,
    pub min_len: u32,
    pub max_len: u32,
    /// Wherever a text of it may still be completed, so many bytes do.
    pub need: u32,
}

/// Prints are seeded per process: nobody outside can craft two structures with one print.
pub(crate) fn seed() -> u128 {
    static SEED: OnceLock<u128> = OnceLock::new();
    *SEED.get_or_init(|| {
        let state = RandomState::new();
        u128::from(state.hash_one(1u8)) << 64 | u128::from(state.hash_one(2u8))
    })
}

#[inline]
fn multiply(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// Mixes `value` and `tag` into `state`: two lanes of folded multiplications.
#[inline]
pub(crate) fn fold(state: u128, value: u128, tag: u64) -> u128 {
    let (s0, s1) = (state as u64, (state >> 64) as u64);
    let (v0, v1) = (value as u64, (value >> 64) as u64);
    let tag = tag.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let low = multiply(
        s0 ^ v0 ^ 0x2D35_8DCC_AA6C_78A5,
        s1.rotate_left(17) ^ v1 ^ tag ^ 0x8BB8_4B93_962E_ACC9,
    );
    let high = multiply(
        s1 ^ v0.rotate_left(29) ^ 0x4B33_A62E_D433_D4A3,
        s0.rotate_left(41) ^ v1.rotate_left(13) ^ tag ^ 0x4D5A_2DA5_1DE1_AA47,
    );
    u128::from(high ^ low.rotate_left(32)) << 64 | u128::from(low ^ s0 ^ v1.rotate_left(7))
}
