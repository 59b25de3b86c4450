// The accounts at identity providers that sign a user in, for admins.

import { t } from "../languages";
import { toast } from "../design/toast";
import { callSignedIn } from "../parts/api";
import { Identities, type Identity } from "../parts/identities";
import { useLoaded } from "../parts/loaded";
import { Section } from "../design/section";
import { Empty } from "../design/skeleton";

export function UserIdentities({ path }: { path: string }) {
  const { value: identities, error, reload } = useLoaded(() => callSignedIn<Identity[]>("GET", path));
  return (
    <Section title={t("identities")} loading={!identities} error={error}>
      {identities?.length === 0 && <Empty>{t("user.no_identities")}</Empty>}
      {identities && (
        <Identities
          identities={identities}
          showsSubjects
          consequence={({ provider_name }) => t("user.unlink.about", { provider: provider_name })}
          unlink={async ({ id, provider_name }) => {
            await callSignedIn("DELETE", `${path}/${encodeURIComponent(id)}`);
            await reload();
            toast(t("identities.unlinked", { provider: provider_name }));
          }}
        />
      )}
    </Section>
  );
}
