//! The compression function of argon2 in the 128-bit SIMD of WebAssembly.
//!
//! A vector holds two words, and a permutation works on eight vectors. Each of its steps waits for the one before, so two
//! independent permutations are interleaved step by step: a processor computes both at once, although not all sixteen vectors fit
//! into registers. Engines have one or two machine instructions for most of the operations. `i64x2.mul` would become eight on x86,
//! so two pairs of vectors are multiplied for the same price by first gathering the low halves of each pair into one vector. Only
//! the rotation by 24 is not cheaper as a shuffle, because its mask has to be loaded.
//!
//! There is no `unsafe`: the intrinsics without pointers are safe, and a pair of words is cast to a vector as a whole. If it were
//! built from its two words, the compiler would decide whether to load it at once or word by word, which takes half as long again.

use core::arch::wasm32::{
    i8x16_shuffle, i32x4_shuffle, i64x2_add, i64x2_shl, i64x2_shuffle, u64x2_extmul_high_u32x4, u64x2_extmul_low_u32x4,
    u64x2_shr, u64x2_splat, v128, v128_and, v128_xor,
};

use ::argon2::Block;
use bytemuck::must_cast;

/// The compression function for [`super::filling`]. It gets scratch space, because creating a block takes time on every call.
pub(super) fn compress(target: &mut Block, previous: &Block, reference: &Block, onto: bool, scratch: &mut Block) {
    if let (Some(target), Some(previous), Some(reference), Some(scratch)) =
        (pairs_mut(target), pairs(previous), pairs(reference), pairs_mut(scratch))
    {
        compress_pairs(target, previous, reference, onto, scratch);
    }
}

/// A block as 8 rows of 8 pairs of words. A slice has no length in its type, so each access would be checked wherever this is not
/// inlined into the code that creates the slice.
type Pairs = [[u64; 2]; 64];

fn pairs(block: &Block) -> Option<&Pairs> {
    block.as_ref().as_chunks().0.first_chunk()
}

fn pairs_mut(block: &mut Block) -> Option<&mut Pairs> {
    block.as_mut().as_chunks_mut().0.first_chunk_mut()
}

// The compiler sees that `at` is below 64 where these two are called, so no check is left.

#[inline]
#[target_feature(enable = "simd128")]
fn load(pairs: &Pairs, at: usize) -> v128 {
    must_cast(pairs.get(at).copied().unwrap_or_default())
}

#[inline]
#[target_feature(enable = "simd128")]
fn store(pairs: &mut Pairs, at: usize, value: v128) {
    if let Some(pair) = pairs.get_mut(at) {
        *pair = must_cast(value);
    }
}

#[inline]
#[target_feature(enable = "simd128")]
fn rotate_right_32(x: v128) -> v128 {
    i32x4_shuffle::<1, 0, 3, 2>(x, x)
}

#[inline]
#[target_feature(enable = "simd128")]
fn rotate_right_24(x: v128) -> v128 {
    v128_xor(u64x2_shr(x, 24), i64x2_shl(x, 40))
}

#[inline]
#[target_feature(enable = "simd128")]
fn rotate_right_16(x: v128) -> v128 {
    i8x16_shuffle::<2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9>(x, x)
}

#[inline]
#[target_feature(enable = "simd128")]
fn rotate_right_63(x: v128) -> v128 {
    v128_xor(u64x2_shr(x, 63), i64x2_add(x, x))
}

/// Returns the second word of one vector and the first of the next.
#[inline]
#[target_feature(enable = "simd128")]
fn between(one: v128, next: v128) -> v128 {
    i64x2_shuffle::<1, 2>(one, next)
}

// The rest are macros, because as functions they would be too large to be inlined, and their vectors would go through memory, as
// they would in arrays.

/// `x + y + 2 * low half of x * low half of y`, for the four words of a row.
macro_rules! multiply_add {
    ($x0:ident $x1:ident, $y0:ident $y1:ident) => {
        let (x, y) = (i32x4_shuffle::<0, 2, 4, 6>($x0, $x1), i32x4_shuffle::<0, 2, 4, 6>($y0, $y1));
        let (product0, product1) = (u64x2_extmul_low_u32x4(x, y), u64x2_extmul_high_u32x4(x, y));
        $x0 = i64x2_add(i64x2_add($x0, $y0), i64x2_add(product0, product0));
        $x1 = i64x2_add(i64x2_add($x1, $y1), i64x2_add(product1, product1));
    };
}

/// `x = (x ^ y) >>> n`, for the four words of a row.
macro_rules! xor_rotate {
    ($x0:ident $x1:ident, $y0:ident $y1:ident, $rotate:ident) => {
        $x0 = $rotate(v128_xor($x0, $y0));
        $x1 = $rotate(v128_xor($x1, $y1));
    };
}

/// The same macro for each of two matrices.
macro_rules! both {
    ($step:ident, [$($one:tt)*], [$($other:tt)*]) => {
        $step!($($one)*);
        $step!($($other)*);
    };
}

/// GB (RFC 9106, section 3.6), for the four columns of each of two matrices.
macro_rules! mix {
    (
        [$a0:ident $a1:ident, $b0:ident $b1:ident, $c0:ident $c1:ident, $d0:ident $d1:ident],
        [$e0:ident $e1:ident, $f0:ident $f1:ident, $g0:ident $g1:ident, $h0:ident $h1:ident]
    ) => {
        both!(multiply_add, [$a0 $a1, $b0 $b1], [$e0 $e1, $f0 $f1]);
        both!(xor_rotate, [$d0 $d1, $a0 $a1, rotate_right_32], [$h0 $h1, $e0 $e1, rotate_right_32]);
        both!(multiply_add, [$c0 $c1, $d0 $d1], [$g0 $g1, $h0 $h1]);
        both!(xor_rotate, [$b0 $b1, $c0 $c1, rotate_right_24], [$f0 $f1, $g0 $g1, rotate_right_24]);
        both!(multiply_add, [$a0 $a1, $b0 $b1], [$e0 $e1, $f0 $f1]);
        both!(xor_rotate, [$d0 $d1, $a0 $a1, rotate_right_16], [$h0 $h1, $e0 $e1, rotate_right_16]);
        both!(multiply_add, [$c0 $c1, $d0 $d1], [$g0 $g1, $h0 $h1]);
        both!(xor_rotate, [$b0 $b1, $c0 $c1, rotate_right_63], [$f0 $f1, $g0 $g1, rotate_right_63]);
    };
}

/// Rotates the rows b and d of a matrix by one and three words, so that its diagonals become columns when the halves of row c are
/// swapped. Called again with b and d swapped, it restores them.
macro_rules! turn {
    ($b0:ident $b1:ident, $d0:ident $d1:ident) => {
        ($b0, $b1) = (between($b0, $b1), between($b1, $b0));
        ($d0, $d1) = (between($d1, $d0), between($d0, $d1));
    };
}

/// P (RFC 9106, section 3.6) of two matrices: GB for their columns, then for their diagonals.
macro_rules! permute {
    (
        [$a0:ident $a1:ident, $b0:ident $b1:ident, $c0:ident $c1:ident, $d0:ident $d1:ident],
        [$e0:ident $e1:ident, $f0:ident $f1:ident, $g0:ident $g1:ident, $h0:ident $h1:ident]
    ) => {
        mix!([$a0 $a1, $b0 $b1, $c0 $c1, $d0 $d1], [$e0 $e1, $f0 $f1, $g0 $g1, $h0 $h1]);
        both!(turn, [$b0 $b1, $d0 $d1], [$f0 $f1, $h0 $h1]);
        mix!([$a0 $a1, $b0 $b1, $c1 $c0, $d0 $d1], [$e0 $e1, $f0 $f1, $g1 $g0, $h0 $h1]);
        both!(turn, [$d0 $d1, $b0 $b1], [$h0 $h1, $f0 $f1]);
    };
}

/// Permutes all rows, then all columns, of the XOR of `previous` and `reference`. `feed` keeps that XOR, and the previous `target`
/// if needed, to be XORed with the result.
#[target_feature(enable = "simd128")]
fn compress_pairs(target: &mut Pairs, previous: &Pairs, reference: &Pairs, onto: bool, feed: &mut Pairs) {
    let kept = u64x2_splat(if onto { u64::MAX } else { 0 });
    for rows in 0..4 {
        macro_rules! read {
            ($at:literal) => {{
                let at = 16 * rows + $at;
                let mixed = v128_xor(load(previous, at), load(reference, at));
                store(feed, at, v128_xor(mixed, v128_and(load(target, at), kept)));
                mixed
            }};
        }
        macro_rules! write {
            ($($at:literal $value:ident),*) => {
                $(store(target, 16 * rows + $at, $value);)*
            };
        }
        let (mut a0, mut a1, mut b0, mut b1) = (read!(0), read!(1), read!(2), read!(3));
        let (mut c0, mut c1, mut d0, mut d1) = (read!(4), read!(5), read!(6), read!(7));
        let (mut e0, mut e1, mut f0, mut f1) = (read!(8), read!(9), read!(10), read!(11));
        let (mut g0, mut g1, mut h0, mut h1) = (read!(12), read!(13), read!(14), read!(15));
        permute!([a0 a1, b0 b1, c0 c1, d0 d1], [e0 e1, f0 f1, g0 g1, h0 h1]);
        write!(0 a0, 1 a1, 2 b0, 3 b1, 4 c0, 5 c1, 6 d0, 7 d1);
        write!(8 e0, 9 e1, 10 f0, 11 f1, 12 g0, 13 g1, 14 h0, 15 h1);
    }
    for columns in 0..4 {
        macro_rules! read {
            ($row:literal, $column:literal) => {
                load(target, 8 * $row + 2 * columns + $column)
            };
        }
        macro_rules! write {
            ($column:literal: $($row:literal $value:ident),*) => {
                $({
                    let at = 8 * $row + 2 * columns + $column;
                    store(target, at, v128_xor($value, load(feed, at)));
                })*
            };
        }
        let (mut a0, mut a1, mut b0, mut b1) = (read!(0, 0), read!(1, 0), read!(2, 0), read!(3, 0));
        let (mut c0, mut c1, mut d0, mut d1) = (read!(4, 0), read!(5, 0), read!(6, 0), read!(7, 0));
        let (mut e0, mut e1, mut f0, mut f1) = (read!(0, 1), read!(1, 1), read!(2, 1), read!(3, 1));
        let (mut g0, mut g1, mut h0, mut h1) = (read!(4, 1), read!(5, 1), read!(6, 1), read!(7, 1));
        permute!([a0 a1, b0 b1, c0 c1, d0 d1], [e0 e1, f0 f1, g0 g1, h0 h1]);
        write!(0: 0 a0, 1 a1, 2 b0, 3 b1, 4 c0, 5 c1, 6 d0, 7 d1);
        write!(1: 0 e0, 1 e1, 2 f0, 3 f1, 4 g0, 5 g1, 6 h0, 7 h1);
    }
}
