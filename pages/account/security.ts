// How the account is protected, as the service describes it.

import { callSignedIn } from "../parts/api";
import type { EmailProblem } from "../parts/email-problem";
import type { Method } from "../parts/proof";

export interface Security {
  has_password: boolean;
  /** Whether every session needs a second factor. */
  second_factor: boolean;
  /** Whether the operator requires a second factor of this user. */
  is_enforced: boolean;
  totp: { created_at: number; last_used_at: number | null } | null;
  recovery_codes_left: number;
  /** How many accounts at identity providers sign the user in. */
  identities: number;
  /** Why emails do not reach the user. */
  email_problem: EmailProblem | null;
  /** The proofs of this session. */
  methods: (Method | "provider")[];
}

export interface Passkey {
  id: string;
  /** The id that the browser knows. */
  credential_id: string;
  name: string;
  created_at: number;
  last_used_at: number | null;
  is_synced: boolean;
}

export interface Protection {
  security: Security;
  passkeys: Passkey[];
}

export async function loadProtection(): Promise<Protection> {
  const [security, passkeys] = await Promise.all([
    callSignedIn<Security>("GET", "me/security"),
    callSignedIn<Passkey[]>("GET", "me/passkeys"),
  ]);
  return { security, passkeys };
}

/** The response of the calls that may create recovery codes. */
export interface NewRecoveryCodes {
  /** Null if the user keeps the existing ones. */
  recovery_codes: string[] | null;
}
