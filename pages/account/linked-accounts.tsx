// The accounts at identity providers that sign the user in.

import { useState } from "preact/hooks";
import { type Outcome, useAction } from "../parts/action";
import { callSignedIn } from "../parts/api";
import { ActionButton } from "../parts/button";
import type { Config, IdentityProvider } from "../parts/config";
import { Identities, type Identity } from "../parts/identities";
import { useLoaded } from "../parts/loaded";
import { goToProvider } from "../parts/provider-sign-in";
import { Section } from "../parts/section";

/** The identity that the page `/callback` has just linked. */
const linked = new URLSearchParams(location.hash.slice(1)).get("linked");
if (linked !== null) history.replaceState(history.state, "", location.pathname);

interface LinkedAccountsProps {
  config: Config;
  /** Called after an account was unlinked. */
  changed: () => Promise<void>;
}

export function LinkedAccounts({ config, changed }: LinkedAccountsProps) {
  const providers = config.identity_providers;
  const { value: identities, error, reload } = useLoaded(() => callSignedIn<Identity[]>("GET", "me/identities"));
  const { busy, outcome, run } = useAction();
  const [done, setDone] = useState<Outcome>();
  if (providers.length === 0 && !identities?.length) return null;

  const link = (provider: IdentityProvider) => {
    setDone(undefined);
    return run(() => goToProvider({ provider, links: true }));
  };
  const labelOf = ({ id, name }: IdentityProvider) =>
    identities?.some(({ provider }) => provider === id) ? `Link another ${name} account` : `Link ${name}`;
  // Anyone can write a link to this page, so only what is really linked is reported.
  const arrived = identities?.find(({ id }) => id === linked);
  const arrival = arrived && success(`${arrived.provider_name} linked. You can sign in with it from now on.`);
  return (
    <Section title="Linked accounts" loading={!identities} error={error} outcome={done ?? outcome ?? arrival}>
      <p class="soft">Accounts at other services that you can sign in with.</p>
      {identities && (
        <Identities
          identities={identities}
          consequence={({ provider_name }) => `You can no longer sign in with this account at ${provider_name}.`}
          unlink={async ({ id, provider_name }) => {
            await callSignedIn("DELETE", `me/identities/${encodeURIComponent(id)}`);
            await reload();
            await changed();
            setDone(success(`${provider_name} unlinked.`));
          }}
        />
      )}
      <div class="choices">
        {providers.map((provider) => (
          <ActionButton key={provider.id} label={labelOf(provider)} busy={busy} act={() => link(provider)} />
        ))}
      </div>
    </Section>
  );
}

function success(text: string): Outcome {
  return { kind: "success", text, problems: [] };
}
