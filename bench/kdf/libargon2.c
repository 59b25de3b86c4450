/* libargon2 as the system has it, for `npm run bench:kdf`: reads lines of "count memory_kib iterations", makes so many
 * hashes, and answers each line with "done". The declaration is here because the header is a package of its own. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

int argon2id_hash_raw(uint32_t iterations, uint32_t memory, uint32_t lanes, const void *password, size_t password_length,
                      const void *salt, size_t salt_length, void *hash, size_t hash_length);

int main(void) {
  unsigned count, memory, iterations;
  while (scanf("%u %u %u", &count, &memory, &iterations) == 3) {
    for (unsigned number = 0; number < count; number++) {
      unsigned char hash[32];
      if (argon2id_hash_raw(iterations, memory, 1, &number, sizeof number, "sixteen bytes...", 16, hash, 32) != 0) return 1;
    }
    puts("done");
    fflush(stdout);
  }
  return 0;
}
