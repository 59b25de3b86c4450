// Virtual authenticators of Chromium (Chrome DevTools Protocol, domain WebAuthn), and states of accounts that take long to
// reach.

/**
 * Adds an authenticator to a page. By default it is like the one of a laptop with a fingerprint reader, whose user is present and
 * agrees to everything.
 *
 * @param {import("playwright-core").Page} page
 * @param {object} [options] See `VirtualAuthenticatorOptions` in the protocol.
 */
export async function addAuthenticator(page, options = {}) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
      ...options,
    },
  });
  /** @param {any} method */
  const send = (method, parameters = {}) => devtools.send(method, { authenticatorId, ...parameters });
  return {
    /** Returns the passkeys on the authenticator. */
    passkeys: async () => (await send("WebAuthn.getCredentials")).credentials,
    /** Replaces a passkey, as an attacker with a copy of it would: its counter may be lower. */
    replace: async (credential) => {
      await send("WebAuthn.removeCredential", { credentialId: credential.credentialId });
      await send("WebAuthn.addCredential", { credential });
    },
    /** Sets whether the fingerprint is the right one. */
    setVerified: (isUserVerified) => send("WebAuthn.setUserVerified", { isUserVerified }),
    /** Sets whether the user reacts to the dialog of the browser. */
    setPresent: (enabled) => send("WebAuthn.setAutomaticPresenceSimulation", { enabled }),
  };
}

/** Switches off passkeys in the autofill, which an authenticator with a present user would use as soon as a page opens. */
export function withoutAutofill(page) {
  return page.addInitScript(() => {
    if (window.PublicKeyCredential) PublicKeyCredential.isConditionalMediationAvailable = async () => false;
  });
}

/** Removes passkeys from the browser, like browsers embedded in apps. */
export function withoutPasskeys(page) {
  return page.addInitScript(() => {
    Reflect.deleteProperty(window, "PublicKeyCredential");
  });
}

/** Makes the sessions of a user so old that sensitive changes need a new proof. */
export function makeStale(postern, email) {
  return postern.sql(
    `UPDATE sessions SET authenticated_at = coalesce(authenticated_at, created_at) - 16 * 60000
     WHERE user_id = (SELECT id FROM users WHERE email = ?)`,
    email,
  );
}

/** Lets the next code of an authenticator app be one of this period again. */
export function forgetLastCode(postern, email) {
  return postern.sql("UPDATE totp SET last_step = 0 WHERE user_id = (SELECT id FROM users WHERE email = ?)", email);
}
