// Adds many users to a database without the Worker, to test that requests do not take longer with more users.

const chunk = 50_000;

/**
 * Adds `count` users, each with a session and a user token, at random positions of every index.
 *
 * @param {(query: string, ...values: unknown[]) => Promise<unknown>} sql Runs one statement.
 * @param {(done: number) => void} [progress]
 */
export async function populate(sql, count, progress = () => {}) {
  for (let done = 0; done < count; done += chunk) {
    const [first, end] = [done, Math.min(done + chunk, count)];
    await sql(
      `WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2)
       INSERT INTO users (id, email, password_hash, referrer_id, created_at, updated_at)
       SELECT lower(hex(randomblob(16))), 'resident' || i || '-' || hex(randomblob(4)) || '@example.com', 'none',
         (SELECT id FROM users WHERE email = 'admin'), i, i FROM n`,
      first,
      end,
    );
    const added = "FROM users WHERE password_hash = 'none' AND created_at >= ?1 AND created_at < ?2";
    const [far, nobody] = [Date.now() + 1e10, "'00000000'"];
    await sql(
      `INSERT INTO sessions (id, user_id, created_at, expires_at)
       SELECT lower(hex(randomblob(16))), id, 0, ${far} + created_at ${added}`,
      first,
      end,
    );
    await sql(
      `INSERT INTO user_tokens (lookup, user_id, key_id, sealed, created_at, expires_at)
       SELECT hex(randomblob(21)), id, ${nobody}, '', 0, ${far} + created_at ${added}`,
      first,
      end,
    );
    progress(end);
  }
}
