// A list of linked identities: accounts at identity providers that sign a user in.

import { rich, t } from "../languages";
import type { ComponentChildren } from "preact";
import { ConfirmedButton } from "../design/button";
import { Moment } from "../design/time";

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
              {showsSubjects && <small>{t("identities.at", { subject, issuer })}</small>}
              <small>
                {rich("identities.linked", { when: <Moment at={created_at} /> })} ·{" "}
                {last_used_at
                  ? rich("identities.used", { when: <Moment at={last_used_at} /> })
                  : t("identities.not_used")}
              </small>
            </div>
            <ConfirmedButton
              label={t("identities.unlink")}
              about={email ? `${provider_name}, ${email}` : provider_name}
              question={t("identities.unlink.question", { provider: provider_name })}
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
