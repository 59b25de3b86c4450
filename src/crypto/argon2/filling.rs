//! argon2 without its compression function: the memory and the order in which it is filled.

use std::borrow::BorrowMut;

use ::argon2::{Algorithm, Block, Error, MIN_SALT_LEN, Params, Version};
use blake2::{
    Blake2bVarCore,
    digest::block_api::{Buffer, UpdateCore, VariableOutputCore},
};

use super::Input;

/// The compression function G (RFC 9106, section 3.5): sets the first block to G of the other two, XORed with its previous content
/// if the flag is set. The last block is scratch space.
pub(super) type Compress = fn(&mut Block, &Block, &Block, bool, &mut Block);

/// The number of slices of a lane (RFC 9106, section 3.2).
const SLICES: usize = 4;
/// The number of addresses in a block (RFC 9106, section 3.4.1.2).
const ADDRESSES: usize = 128;
/// The longest output of BLAKE2b, in bytes.
const BLAKE2B_LENGTH: usize = 64;

/// Like [`super::hash_into`], with `compress` as the compression function (RFC 9106, section 3.2).
pub(super) fn hash_into<B: BorrowMut<Block>>(
    input: &Input<'_>,
    output: &mut [u8],
    memory: &mut [B],
    compress: Compress,
) -> Result<(), Error> {
    if output.len() < Params::MIN_OUTPUT_LEN {
        return Err(Error::OutputTooShort);
    }
    if input.salt.len() < MIN_SALT_LEN {
        return Err(Error::SaltTooShort);
    }
    let (scratch, memory) = memory.split_first_mut().ok_or(Error::MemoryTooLittle)?;
    let memory = memory.get_mut(..input.params.block_count()).ok_or(Error::MemoryTooLittle)?;
    let lanes = input.params.p_cost() as usize;
    let lane_length = memory.len() / lanes;
    let mut filling = Filling { input, lanes, lane_length, memory, scratch: scratch.borrow_mut(), compress };

    filling.begin(&initial_hash(input, output.len())?)?;
    for pass in 0..input.params.t_cost() as usize {
        for slice in 0..SLICES {
            for lane in 0..lanes {
                filling.fill(Segment { pass, slice, lane })?;
            }
        }
    }
    long_hash(&filling.end(), output)
}

struct Filling<'a, B> {
    input: &'a Input<'a>,
    lanes: usize,
    /// In blocks.
    lane_length: usize,
    memory: &'a mut [B],
    scratch: &'a mut Block,
    compress: Compress,
}

/// The part of a lane that is computed at once: no other lane reads it in the meantime.
#[derive(Clone, Copy)]
struct Segment {
    pass: usize,
    slice: usize,
    lane: usize,
}

impl<B: BorrowMut<Block>> Filling<'_, B> {
    /// The first two blocks of each lane.
    fn begin(&mut self, seed: &[u8]) -> Result<(), Error> {
        for (lane, blocks) in self.memory.chunks_exact_mut(self.lane_length).enumerate() {
            for (column, block) in blocks.iter_mut().take(2).enumerate() {
                let place = [column as u32, lane as u32].map(u32::to_le_bytes);
                let mut bytes = [0; Block::SIZE];
                long_hash(&[seed, place.as_flattened()].concat(), &mut bytes)?;
                let block: &mut Block = block.borrow_mut();
                for (word, bytes) in block.as_mut().iter_mut().zip(bytes.as_chunks().0) {
                    *word = u64::from_le_bytes(*bytes);
                }
            }
        }
        Ok(())
    }

    fn fill(&mut self, segment: Segment) -> Result<(), Error> {
        let Segment { pass, slice, lane } = segment;
        let length = self.lane_length / SLICES;
        let addresses_are_independent = match self.input.algorithm {
            Algorithm::Argon2d => false,
            Algorithm::Argon2i => true,
            Algorithm::Argon2id => pass == 0 && slice < SLICES / 2,
        };
        // Version 0x10 overwrites the result of the previous pass.
        let onto = pass > 0 && self.input.version == Version::V0x13;
        // The first two blocks of a lane exist.
        let first = if pass == 0 && slice == 0 { 2 } else { 0 };
        let mut addresses = Block::default();
        for index in first..length {
            let column = slice * length + index;
            let target = lane * self.lane_length + column;
            let previous = if column == 0 { target + self.lane_length - 1 } else { target - 1 };
            let pseudorandom = if addresses_are_independent {
                if index == first || index % ADDRESSES == 0 {
                    addresses = self.addresses(segment, index / ADDRESSES + 1);
                }
                addresses.as_ref().get(index % ADDRESSES)
            } else {
                self.memory.get(previous).and_then(|block| block.borrow().as_ref().first())
            };
            let reference = self.reference(segment, index, *pseudorandom.ok_or(Error::MemoryTooLittle)?);
            // A block never refers to the one before it, so these are three different blocks.
            let [target, previous, reference] =
                self.memory.get_disjoint_mut([target, previous, reference]).map_err(|_| Error::MemoryTooLittle)?;
            let (previous, reference): (&B, &B) = (previous, reference);
            (self.compress)(target.borrow_mut(), previous.borrow(), reference.borrow(), onto, self.scratch);
        }
        Ok(())
    }

    /// Returns a block of addresses that do not depend on the password. `number` counts the blocks of a segment from 1 (RFC 9106,
    /// section 3.4.1.2).
    fn addresses(&mut self, Segment { pass, slice, lane }: Segment, number: usize) -> Block {
        let (passes, algorithm) = (self.input.params.t_cost() as usize, self.input.algorithm as usize);
        let place = [pass, lane, slice, self.memory.len(), passes, algorithm, number];
        let zero = Block::default();
        let (mut seed, mut half, mut addresses) = (zero, zero, zero);
        seed.as_mut().iter_mut().zip(place).for_each(|(word, value)| *word = value as u64);
        (self.compress)(&mut half, &zero, &seed, false, self.scratch);
        (self.compress)(&mut addresses, &zero, &half, false, self.scratch);
        addresses
    }

    /// Returns the place of the block that the one at `index` of a segment refers to (RFC 9106, section 3.4.2).
    fn reference(&self, Segment { pass, slice, lane }: Segment, index: usize, pseudorandom: u64) -> usize {
        let length = self.lane_length / SLICES;
        let chosen = (pseudorandom >> 32) as usize % self.lanes;
        let referred = if pass == 0 && slice == 0 { lane } else { chosen };

        let finished = if pass == 0 { slice * length } else { self.lane_length - length };
        let area = if referred == lane { finished + index - 1 } else { finished - usize::from(index == 0) };
        let start = if pass == 0 || slice == SLICES - 1 { 0 } else { (slice + 1) * length };

        let low = pseudorandom & u64::from(u32::MAX);
        let distance = (area as u64 * ((low * low) >> 32)) >> 32;
        let column = (start + area - 1 - distance as usize) % self.lane_length;
        referred * self.lane_length + column
    }

    /// Returns the XOR of the last blocks of all lanes.
    fn end(&self) -> [u8; Block::SIZE] {
        let mut bytes = [0; Block::SIZE];
        for block in self.memory.chunks_exact(self.lane_length).filter_map(<[B]>::last) {
            for (bytes, word) in bytes.as_chunks_mut().0.iter_mut().zip(block.borrow().as_ref()) {
                *bytes = (u64::from_le_bytes(*bytes) ^ word).to_le_bytes();
            }
        }
        bytes
    }
}

/// H0 (RFC 9106, section 3.2).
fn initial_hash(input: &Input<'_>, output_length: usize) -> Result<[u8; BLAKE2B_LENGTH], Error> {
    let params = input.params;
    let (version, algorithm) = (input.version.into(), input.algorithm as u32);
    let numbers = [params.p_cost(), output_length as u32, params.m_cost(), params.t_cost(), version, algorithm];
    let mut message: Vec<u8> = numbers.into_iter().flat_map(u32::to_le_bytes).collect();
    for text in [input.password, input.salt, input.secret, params.data()] {
        message.extend((text.len() as u32).to_le_bytes());
        message.extend(text);
    }
    let mut hash = [0; BLAKE2B_LENGTH];
    blake2b(&message, &mut hash)?;
    Ok(hash)
}

/// H', a hash of any length (RFC 9106, section 3.3): half of each link of a chain, and all of the last.
fn long_hash(message: &[u8], output: &mut [u8]) -> Result<(), Error> {
    let half = BLAKE2B_LENGTH / 2;
    let halves = output.len().div_ceil(half).saturating_sub(2);
    let mut link = [&(output.len() as u32).to_le_bytes(), message].concat();
    let (halves, last) = output.split_at_mut(halves * half);
    for part in halves.chunks_exact_mut(half) {
        let mut next = [0; BLAKE2B_LENGTH];
        blake2b(&link, &mut next)?;
        part.iter_mut().zip(next).for_each(|(to, from)| *to = from);
        link = next.to_vec();
    }
    blake2b(&link, last)
}

/// BLAKE2b (RFC 7693) of 1 to 64 bytes, without a key. The crate's own hashers need a length that is known at compile time.
fn blake2b(message: &[u8], output: &mut [u8]) -> Result<(), Error> {
    let mut core = Blake2bVarCore::new(output.len()).map_err(|_| Error::OutputTooLong)?;
    let mut buffer = Buffer::<Blake2bVarCore>::default();
    buffer.digest_blocks(message, |blocks| core.update_blocks(blocks));
    let mut whole = Default::default();
    core.finalize_variable_core(&mut buffer, &mut whole);
    output.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
    Ok(())
}

#[cfg(test)]
mod tests {
    use ::argon2::{Argon2, AssociatedData, ParamsBuilder};
    use proptest::prelude::*;

    use super::*;

    /// G as in RFC 9106 (sections 3.5 and 3.6), word by word.
    fn compress(target: &mut Block, previous: &Block, reference: &Block, onto: bool, feed: &mut Block) {
        let mut words = [0; 128];
        for (index, word) in words.iter_mut().enumerate() {
            *word = previous.as_ref()[index] ^ reference.as_ref()[index];
            feed.as_mut()[index] = *word ^ if onto { target.as_ref()[index] } else { 0 };
        }
        for row in 0..8 {
            permute(&mut words, |index| 16 * row + index);
        }
        for column in 0..8 {
            permute(&mut words, |index| 16 * (index / 2) + 2 * column + index % 2);
        }
        for (index, word) in words.iter().enumerate() {
            target.as_mut()[index] = word ^ feed.as_ref()[index];
        }
    }

    fn permute(words: &mut [u64; 128], place: impl Fn(usize) -> usize) {
        for turn in [0, 1] {
            for column in 0..4 {
                let [a, b, c, d] = [0, 1, 2, 3].map(|row| place(4 * row + (column + turn * row) % 4));
                for (x, y, changed, rotation) in [(a, b, d, 32), (c, d, b, 24), (a, b, d, 16), (c, d, b, 63)] {
                    let product = u64::from(words[x] as u32) * u64::from(words[y] as u32);
                    words[x] = words[x].wrapping_add(words[y]).wrapping_add(product.wrapping_mul(2));
                    words[changed] = (words[changed] ^ words[x]).rotate_right(rotation);
                }
            }
        }
    }

    fn hash(input: &Input<'_>, length: usize) -> Result<Vec<u8>, Error> {
        // The previous content of the memory does not matter.
        let mut noise = Block::default();
        noise.as_mut().fill(0x0123_4567_89ab_cdef);
        let mut output = vec![0; length];
        hash_into(input, &mut output, &mut vec![noise; super::super::block_count(input.params)], compress)?;
        Ok(output)
    }

    /// RFC 9106, sections 5.1 to 5.3.
    #[test]
    fn the_vectors_of_rfc_9106_are_met() {
        let data = AssociatedData::new(&[4; 12]).unwrap();
        let params = ParamsBuilder::new().m_cost(32).t_cost(3).p_cost(4).data(data).build().unwrap();
        for (algorithm, tag) in [
            (Algorithm::Argon2d, "512b391b6f1162975371d30919734294f868e3be3984f3c1a13a4db9fabe4acb"),
            (Algorithm::Argon2i, "c814d9d1dc7f37aa13f0d77f2494bda1c8de6b016dd388d29952a4c4672b6ce8"),
            (Algorithm::Argon2id, "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"),
        ] {
            let version = Version::V0x13;
            let input =
                Input { algorithm, version, params: &params, password: &[1; 32], salt: &[2; 16], secret: &[3; 8] };
            let hex: String = hash(&input, 32).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, tag, "{algorithm}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn the_argon2_crate_gives_the_same_result_for_random_inputs(
            (algorithm, version) in (
                prop::sample::select(vec![Algorithm::Argon2d, Algorithm::Argon2i, Algorithm::Argon2id]),
                prop::sample::select(vec![Version::V0x10, Version::V0x13]),
            ),
            (lanes, memory_per_lane, passes) in (1..=6u32, 8..=70u32, 1..=4u32),
            password in prop::collection::vec(any::<u8>(), 0..200),
            salt in prop::collection::vec(any::<u8>(), 0..64),
            secret in prop::collection::vec(any::<u8>(), 0..40),
            data in prop::collection::vec(any::<u8>(), 0..=32),
            length in 0..200usize,
        ) {
            let data = AssociatedData::new(&data).unwrap();
            let params = ParamsBuilder::new()
                .m_cost(lanes * memory_per_lane)
                .t_cost(passes)
                .p_cost(lanes)
                .data(data)
                .build()
                .unwrap();
            let input = Input { algorithm, version, params: &params, password: &password, salt: &salt, secret: &secret };
            let mut expected = vec![0; length];
            let expected = Argon2::new_with_secret(&secret, algorithm, version, params.clone())
                .unwrap()
                .hash_password_into(&password, &salt, &mut expected)
                .map(|()| expected);
            prop_assert_eq!(hash(&input, length), expected);
        }
    }
}
