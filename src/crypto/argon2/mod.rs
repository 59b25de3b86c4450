//! argon2 (RFC 9106), with its lanes computed one after the other.
//!
//! Natively, the `argon2` crate computes it. In WebAssembly the crate takes about 1.6 times as long as necessary, so this module
//! has its own compression function, which the crate cannot use. Types and the validity of parameters are the crate's.

#[cfg(any(test, target_arch = "wasm32"))]
mod filling;
#[cfg(target_arch = "wasm32")]
mod simd128;

use ::argon2::{Algorithm, Block, Error, Params, Version};

/// The input of a hash (RFC 9106, section 3.1).
pub struct Input<'a> {
    /// The variant.
    pub algorithm: Algorithm,
    /// The version: RFC 9106 is 0x13.
    pub version: Version,
    /// Memory, passes and lanes, and the associated data, if there is any.
    pub params: &'a Params,
    /// The message.
    pub password: &'a [u8],
    /// The nonce: at least 8 bytes.
    pub salt: &'a [u8],
    /// The key, if there is one.
    pub secret: &'a [u8],
}

/// A block of the memory of [`hash_into`].
#[cfg(not(target_arch = "wasm32"))]
pub type MemoryBlock = Block;

/// A block of the memory of [`hash_into`], at a multiple of its size. The type of the crate is only aligned to 64 bytes, and at an odd
/// multiple of that, processors that fetch cache lines in pairs take 5 % more CPU time for a hash.
#[cfg(target_arch = "wasm32")]
#[derive(Clone, Copy, Default)]
#[repr(align(1024))]
pub struct MemoryBlock(Block);

#[cfg(target_arch = "wasm32")]
impl std::borrow::Borrow<Block> for MemoryBlock {
    fn borrow(&self) -> &Block {
        &self.0
    }
}

#[cfg(target_arch = "wasm32")]
impl std::borrow::BorrowMut<Block> for MemoryBlock {
    fn borrow_mut(&mut self) -> &mut Block {
        &mut self.0
    }
}

/// The number of memory blocks that [`hash_into`] uses: those of the hash, and one for the compression function.
pub fn block_count(params: &Params) -> usize {
    params.block_count() + 1
}

/// Hashes `input` into `output`, at least 4 bytes, in the first [`block_count`] blocks of `memory`. Their previous content does not
/// matter. Their content afterwards depends on the password.
///
/// # Errors
/// If the salt or the output is too short, or the memory too small.
pub fn hash_into(input: &Input<'_>, output: &mut [u8], memory: &mut [MemoryBlock]) -> Result<(), Error> {
    #[cfg(target_arch = "wasm32")]
    let hashed = filling::hash_into(input, output, memory, simd128::compress);
    #[cfg(not(target_arch = "wasm32"))]
    let hashed = ::argon2::Argon2::new_with_secret(input.secret, input.algorithm, input.version, input.params.clone())
        .and_then(|argon2| argon2.hash_password_into_with_memory(input.password, input.salt, output, memory));
    hashed
}
