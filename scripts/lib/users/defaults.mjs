// Finds imported admins who still have a known default password. They must change it at the next login.

/** How many admins are tested, as each takes up to a second. Further admins must change their password without a test. */
const maxTested = 100;

/** The password of the default account of lightnovel-crawler and Postern. */
const defaultPassword = "admin";

/**
 * @param {object} rules As `loadRules` returns them.
 * @returns {(user: object, hasPassword: boolean) => string | undefined} Returns why this user must change the password, if so.
 */
export function knownDefaults(rules, serviceName = "Postern") {
  let tested = 0;
  return (user, hasPassword) => {
    if (user.role !== "admin" || !hasPassword) return undefined;
    tested += 1;
    if (tested > maxTested)
      return `must change the password at the next login: only the first ${maxTested} admins are tested for known default passwords`;
    const candidates = new Set([
      defaultPassword,
      serviceName,
      serviceName.toLowerCase(),
      user.email,
      rules.local_part(user.email),
    ]);
    const isKnown = [...candidates].some((candidate) => rules.matches(candidate, user.password_hash));
    return isKnown ? "is an admin with a known default password and must change it at the next login" : undefined;
  };
}
