// Deactivates the account.

import { callSignedIn } from "../parts/api";
import { ConfirmedButton } from "../parts/button";
import type { Config } from "../parts/config";
import { Section } from "../parts/section";

export function Deactivation({ config }: { config: Config }) {
  return (
    <Section title="Deactivate the account">
      <p class="soft">You are signed out everywhere and cannot sign in again. Only an admin can undo it.</p>
      <ConfirmedButton
        label="Deactivate"
        question="Deactivate your account?"
        work={async () => {
          await callSignedIn("DELETE", "me");
          location.replace("/signin");
        }}
      >
        <p>Your invitations end, and you cannot sign in to {config.service_name} any more.</p>
      </ConfirmedButton>
    </Section>
  );
}
