// Lets users deactivate their account.

import { callSignedIn } from "../parts/api";
import { ConfirmedButton } from "../parts/button";
import type { Config } from "../parts/config";
import { leaveFor } from "../parts/leave";
import { Section } from "../parts/section";

export function Deactivation({ config }: { config: Config }) {
  return (
    <Section title="Deactivate account">
      <p class="soft">Deactivating your account signs you out everywhere. Only an admin can activate it again.</p>
      <ConfirmedButton
        label="Deactivate"
        question="Deactivate your account?"
        work={async () => {
          await callSignedIn("DELETE", "me");
          leaveFor("/signin");
        }}
      >
        <p>You will no longer be able to sign in to {config.service_name}, and your invitations will stop working.</p>
      </ConfirmedButton>
    </Section>
  );
}
