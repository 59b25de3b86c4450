// Known default passwords of imported admins. An admin who still has one must change it at the next login.

/** How many admins are tried: each takes up to a second. Further ones must change their password without a try. */
const maxTried = 100;

/** The password of the default account of lightnovel-crawler and Postern. */
const defaultPassword = "admin";

/**
 * @param {object} rules As `loadRules` returns them.
 * @returns {(user: object, hasPassword: boolean) => string | undefined} Says why this user must change the password, if so.
 */
export function knownDefaults(rules, serviceName = "Postern") {
  let tried = 0;
  return (user, hasPassword) => {
    if (user.role !== "admin" || !hasPassword) return undefined;
    tried += 1;
    if (tried > maxTried)
      return `is one of more than ${maxTried} admins, of whom the rest are not tried for known default passwords: must change it at the next login`;
    const candidates = new Set([
      defaultPassword,
      serviceName,
      serviceName.toLowerCase(),
      user.email,
      rules.local_part(user.email),
    ]);
    const isKnown = [...candidates].some((candidate) => rules.matches(candidate, user.password_hash));
    return isKnown ? "is an admin with a known default password, and must change it at the next login" : undefined;
  };
}
