// The accounts at identity providers that sign a user in, for admins.

import { useState } from "preact/hooks";
import type { Outcome } from "../parts/action";
import { callSignedIn } from "../parts/api";
import { Identities, type Identity } from "../parts/identities";
import { useLoaded } from "../parts/loaded";
import { Section } from "../parts/section";

export function UserIdentities({ path }: { path: string }) {
  const { value: identities, error, reload } = useLoaded(() => callSignedIn<Identity[]>("GET", path));
  const [outcome, setOutcome] = useState<Outcome>();
  return (
    <Section title="Linked accounts" loading={!identities} error={error} outcome={outcome}>
      {identities?.length === 0 && <p class="soft">None.</p>}
      {identities && (
        <Identities
          identities={identities}
          showsSubjects
          consequence={({ provider_name }) => `The user can no longer sign in with this account at ${provider_name}.`}
          unlink={async ({ id, provider_name }) => {
            await callSignedIn("DELETE", `${path}/${encodeURIComponent(id)}`);
            await reload();
            setOutcome({ kind: "success", text: `${provider_name} unlinked.`, problems: [] });
          }}
        />
      )}
    </Section>
  );
}
