// A list of linked identities: accounts at identity providers that sign a user in.

import type { ComponentChildren } from "preact";
import { ConfirmedButton } from "./button";
import { Moment } from "./time";

export interface Identity {
  id: string;
  provider: string;
  provider_name: string;
  issuer: string;
  subject: string;
  email: string | null;
  created_at: number;
  last_used_at: number | null;
}

interface IdentitiesProps {
  identities: Identity[];
  unlink: (identity: Identity) => Promise<void>;
  /** What the dialog says will happen. */
  consequence: (identity: Identity) => ComponentChildren;
  /** Whether to show the ids at the providers, which admins can compare. */
  showsSubjects?: boolean;
}

export function Identities({ identities, unlink, consequence, showsSubjects }: IdentitiesProps) {
  return (
    <ul class="rows">
      {identities.map((identity) => {
        const { id, provider_name, issuer, subject, email, created_at, last_used_at } = identity;
        return (
          <li key={id}>
            <div>
              <strong>{provider_name}</strong>
              {email && <small>{email}</small>}
              {showsSubjects && (
                <small>
                  {subject} at {issuer}
                </small>
              )}
              <small>
                linked <Moment at={created_at} />,{" "}
                {last_used_at ? (
                  <>
                    last used <Moment at={last_used_at} />
                  </>
                ) : (
                  "not used yet"
                )}
              </small>
            </div>
            <ConfirmedButton
              label="Unlink"
              about={email ? `${provider_name}, ${email}` : provider_name}
              question={`Unlink ${provider_name}?`}
              work={() => unlink(identity)}
            >
              <p>{consequence(identity)}</p>
            </ConfirmedButton>
          </li>
        );
      })}
    </ul>
  );
}
