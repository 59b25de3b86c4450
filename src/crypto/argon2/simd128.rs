//! The compression function of argon2 in the 128-bit SIMD of WebAssembly.
//!
//! A vector holds two words, and P works on a matrix of eight vectors, in steps that each wait for the one before. A block has eight
//! independent matrices, and a processor works on several at once if it sees them: it looks ahead about a hundred instructions,
//! which is half of P for one matrix. So each loop does a quarter of P for all eight matrices and leaves the result in the block for
//! the next loop. The additional loads and stores cost less than the waiting.
//!
//! It does not help to write the steps of two matrices alternately. LLVM moves each step to the one that needs its result, so the
//! matrices come one after the other again, and only some versions of V8 change that.
//!
//! V8 has one or two machine instructions for most of the operations. `i64x2.mul` would become eight on x86, so two pairs of vectors
//! are multiplied for the same price by first gathering the low halves of each pair into one vector.
//!
//! There is no `unsafe`: the intrinsics without pointers are safe, and a pair of words is cast to a vector as a whole. If it were
//! built from its two words, the compiler would decide whether to load it at once or word by word, which takes half as long again.

use core::arch::wasm32::{
    i8x16, i8x16_swizzle, i32x4_shuffle, i64x2_add, i64x2_shuffle, u8x16_avgr, u64x2_extmul_high_u32x4,
    u64x2_extmul_low_u32x4, u64x2_shr, u64x2_splat, v128, v128_and, v128_xor,
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

// The compiler sees that `at` is below 64 where these two are called, so at most one check per matrix is left.

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

/// The rows a, b, c and d of a matrix, of two pairs of words each.
type Matrix = [v128; 8];

/// Where the pairs of a matrix are in a block.
type Place = [usize; 8];

/// Returns the place of the matrix that is a row of the block.
fn row(index: usize) -> Place {
    [0, 1, 2, 3, 4, 5, 6, 7].map(|pair| 8 * index + pair)
}

/// Returns the place of the matrix that is a column of the block.
fn column(index: usize) -> Place {
    [0, 1, 2, 3, 4, 5, 6, 7].map(|pair| 8 * pair + index)
}

#[inline]
#[target_feature(enable = "simd128")]
fn read(pairs: &Pairs, place: Place) -> Matrix {
    place.map(|at| load(pairs, at))
}

#[inline]
#[target_feature(enable = "simd128")]
fn write(pairs: &mut Pairs, place: Place, matrix: Matrix) {
    place.into_iter().zip(matrix).for_each(|(at, pair)| store(pairs, at, pair));
}

/// Returns `x + y + 2 * low half of x * low half of y`, for the four words of a row.
#[inline]
#[target_feature(enable = "simd128")]
fn multiply_add([x0, x1]: [v128; 2], [y0, y1]: [v128; 2]) -> [v128; 2] {
    let (x, y) = (i32x4_shuffle::<0, 2, 4, 6>(x0, x1), i32x4_shuffle::<0, 2, 4, 6>(y0, y1));
    let (product0, product1) = (u64x2_extmul_low_u32x4(x, y), u64x2_extmul_high_u32x4(x, y));
    [
        i64x2_add(i64x2_add(x0, y0), i64x2_add(product0, product0)),
        i64x2_add(i64x2_add(x1, y1), i64x2_add(product1, product1)),
    ]
}

#[inline]
#[target_feature(enable = "simd128")]
fn rotate_right_32(x: v128) -> v128 {
    i32x4_shuffle::<1, 0, 3, 2>(x, x)
}

#[inline]
#[target_feature(enable = "simd128")]
fn rotate_right_63(x: v128) -> v128 {
    v128_xor(u64x2_shr(x, 63), i64x2_add(x, x))
}

/// Returns a mask for `i8x16_swizzle`, hidden from LLVM as its average with itself. LLVM would turn a swizzle with a known mask into a
/// shuffle, for which V8 has two instructions, or four that load the mask each time. `wasm-opt` computes the average, and V8 keeps the
/// mask in a register.
#[inline]
#[target_feature(enable = "simd128")]
fn mask(mask: v128) -> v128 {
    u8x16_avgr(mask, mask)
}

/// Computes the first half of GB (RFC 9106, section 3.6), for the four columns of a matrix.
#[inline]
#[target_feature(enable = "simd128")]
fn mix_first([a0, a1, b0, b1, c0, c1, d0, d1]: Matrix, right_24: v128) -> Matrix {
    let [a0, a1] = multiply_add([a0, a1], [b0, b1]);
    let [d0, d1] = [rotate_right_32(v128_xor(d0, a0)), rotate_right_32(v128_xor(d1, a1))];
    let [c0, c1] = multiply_add([c0, c1], [d0, d1]);
    let [b0, b1] = [i8x16_swizzle(v128_xor(b0, c0), right_24), i8x16_swizzle(v128_xor(b1, c1), right_24)];
    [a0, a1, b0, b1, c0, c1, d0, d1]
}

/// Computes the second half of GB.
#[inline]
#[target_feature(enable = "simd128")]
fn mix_second([a0, a1, b0, b1, c0, c1, d0, d1]: Matrix, right_16: v128) -> Matrix {
    let [a0, a1] = multiply_add([a0, a1], [b0, b1]);
    let [d0, d1] = [i8x16_swizzle(v128_xor(d0, a0), right_16), i8x16_swizzle(v128_xor(d1, a1), right_16)];
    let [c0, c1] = multiply_add([c0, c1], [d0, d1]);
    let [b0, b1] = [rotate_right_63(v128_xor(b0, c0)), rotate_right_63(v128_xor(b1, c1))];
    [a0, a1, b0, b1, c0, c1, d0, d1]
}

/// Returns the second word of one vector and the first of the next.
#[inline]
#[target_feature(enable = "simd128")]
fn between(one: v128, next: v128) -> v128 {
    i64x2_shuffle::<1, 2>(one, next)
}

/// Turns the rows so that diagonals become columns: c by one word, d by two and a by three. All steps wait for b, so it stays.
#[inline]
#[target_feature(enable = "simd128")]
fn turn([a0, a1, b0, b1, c0, c1, d0, d1]: Matrix) -> Matrix {
    [between(a1, a0), between(a0, a1), b0, b1, between(c0, c1), between(c1, c0), d1, d0]
}

/// Turns the rows back.
#[inline]
#[target_feature(enable = "simd128")]
fn turn_back([a0, a1, b0, b1, c0, c1, d0, d1]: Matrix) -> Matrix {
    [between(a0, a1), between(a1, a0), b0, b1, between(c1, c0), between(c0, c1), d1, d0]
}

/// Sets `target` to P (RFC 9106, section 3.6) of all rows, then of all columns, of the XOR of `previous` and `reference`, XORed with
/// that block itself and, if `onto` is set, with the previous content of `target`. `feed` is scratch space for what is XORed at the end.
#[target_feature(enable = "simd128")]
fn compress_pairs(target: &mut Pairs, previous: &Pairs, reference: &Pairs, onto: bool, feed: &mut Pairs) {
    let right_24 = mask(i8x16(3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10));
    let right_16 = mask(i8x16(2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9));
    let kept = u64x2_splat(if onto { u64::MAX } else { 0 });

    for place in (0..8).map(row) {
        let mixed = place.map(|at| {
            let mixed = v128_xor(load(previous, at), load(reference, at));
            store(feed, at, v128_xor(mixed, v128_and(load(target, at), kept)));
            mixed
        });
        write(target, place, mix_first(mixed, right_24));
    }
    for place in (0..8).map(row) {
        write(target, place, mix_second(read(target, place), right_16));
    }
    for place in (0..8).map(row) {
        write(target, place, mix_first(turn(read(target, place)), right_24));
    }
    for place in (0..8).map(row) {
        write(target, place, turn_back(mix_second(read(target, place), right_16)));
    }

    for place in (0..8).map(column) {
        write(target, place, mix_first(read(target, place), right_24));
    }
    for place in (0..8).map(column) {
        write(target, place, mix_second(read(target, place), right_16));
    }
    for place in (0..8).map(column) {
        write(target, place, mix_first(turn(read(target, place)), right_24));
    }
    for place in (0..8).map(column) {
        let permuted = turn_back(mix_second(read(target, place), right_16));
        place.into_iter().zip(permuted).for_each(|(at, pair)| store(target, at, v128_xor(pair, load(feed, at))));
    }
}
