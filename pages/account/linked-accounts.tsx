// The accounts at identity providers that sign the user in.

import { t } from "../languages";
import { useEffect } from "preact/hooks";
import { useAction } from "../design/action";
import { toast } from "../design/toast";
import { callSignedIn } from "../parts/api";
import { ActionButton } from "../design/button";
import type { Config, IdentityProvider } from "../parts/config";
import { Identities, type Identity } from "../parts/identities";
import { useLoaded } from "../parts/loaded";
import { goToProvider } from "../parts/provider-sign-in";
import { Section } from "../design/section";

/** The identity that the page `/callback` has just linked. */
const linked = new URLSearchParams(location.hash.split("?")[1]).get("linked");
if (linked !== null) history.replaceState(history.state, "", `${location.pathname}#security`);

interface LinkedAccountsProps {
  config: Config;
  /** Called after an account was unlinked. */
  changed: () => Promise<void>;
}

export function LinkedAccounts({ config, changed }: LinkedAccountsProps) {
  const providers = config.identity_providers;
  const { value: identities, error, reload } = useLoaded(() => callSignedIn<Identity[]>("GET", "me/identities"));
  const { busy, outcome, run } = useAction();
  // Anyone can write a link to this page, so only what is really linked is reported.
  const arrived = identities?.find(({ id }) => id === linked);
  useEffect(() => {
    if (arrived) toast(t("linked.done", { provider: arrived.provider_name }));
  }, [arrived?.id]);
  if (providers.length === 0 && !identities?.length) return null;

  const link = (provider: IdentityProvider) => run(() => goToProvider({ provider, links: true }));
  const labelOf = ({ id, name }: IdentityProvider) =>
    t(identities?.some(({ provider }) => provider === id) ? "linked.add_another" : "linked.add", { provider: name });
  return (
    <Section title={t("identities")} loading={!identities} error={error} outcome={outcome}>
      <p class="soft">{t("linked.about")}</p>
      {identities && (
        <Identities
          identities={identities}
          consequence={({ provider_name }) => t("linked.unlink.about", { provider: provider_name })}
          unlink={async ({ id, provider_name }) => {
            await callSignedIn("DELETE", `me/identities/${encodeURIComponent(id)}`);
            await reload();
            await changed();
            toast(t("identities.unlinked", { provider: provider_name }));
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
