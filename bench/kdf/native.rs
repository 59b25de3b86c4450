//! The `argon2` crate, compiled natively, for `npm run bench:kdf`: reads lines of "count memory_kib iterations", makes so
//! many hashes in one memory that is used again, and answers each line with "done".

use std::io::{self, BufRead, Write};

use argon2::{Algorithm, Argon2, Block, Params, Version};

fn main() -> io::Result<()> {
    let mut memory = Vec::new();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let numbers: Vec<u32> = line.split(' ').map(|number| number.parse().unwrap()).collect();
        let [count, memory_kib, iterations] = numbers[..] else { panic!("three numbers, not {line}") };
        let params = Params::new(memory_kib, iterations, 1, None).unwrap();
        memory.resize(params.block_count(), Block::default());
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        for number in 0..count {
            let mut hash = [0; 32];
            argon2
                .hash_password_into_with_memory(&number.to_le_bytes(), b"sixteen bytes...", &mut hash, &mut memory[..])
                .unwrap();
            memory.fill(Block::default());
        }
        println!("done");
        io::stdout().flush()?;
    }
    Ok(())
}
