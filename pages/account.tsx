// The account page of the signed-in user.

import { Deactivation } from "./account/deactivation";
import { EmailVerification } from "./account/email-verification";
import { Invitations } from "./account/invitations";
import { Password } from "./account/password";
import { Profile } from "./account/profile";
import { OwnSessions } from "./account/own-sessions";
import { type Listed, listSignedIn, loadOwnUser, ApiError, type User } from "./parts/api";
import { Events } from "./parts/events";
import { useLoaded } from "./parts/loaded";
import { Menu } from "./parts/menu";
import { Page, start } from "./parts/page";
import { Section } from "./parts/section";
import type { Session } from "./parts/sessions";

interface Account {
  user: User;
  sessions: Listed<Session>;
  /** Set for the default admin of a deployment, who must change the password first: the message of the service. */
  restriction?: string;
}

async function load(): Promise<Account> {
  const user = await loadOwnUser();
  try {
    return { user, sessions: await listSignedIn<Session>("me/sessions") };
  } catch (error) {
    if (!(error instanceof ApiError && error.code === "password_change_required")) throw error;
    return { user, sessions: { items: [], total: 0 }, restriction: error.message };
  }
}

start(({ config }) => {
  const { value: account, error, reload } = useLoaded(load);
  const user = account?.user;
  return (
    <Page config={config} title="Account" wide menu={<Menu user={user} />}>
      {!user && <p aria-busy={!error}>{error?.message ?? "Loading…"}</p>}
      {account && user && account.restriction && (
        <>
          <p class="message error" role="alert">
            {account.restriction}
          </p>
          <Password user={user} config={config} changed={reload} />
        </>
      )}
      {account && user && !account.restriction && (
        <>
          <Profile user={user} changed={reload} />
          {!user.is_verified && <EmailVerification user={user} verified={reload} />}
          <Password user={user} config={config} changed={reload} />
          <Invitations user={user} config={config} />
          <OwnSessions sessions={account.sessions} changed={reload} />
          <Section title="Events">
            <Events path="me/events" self={user.id} />
          </Section>
          <Deactivation config={config} />
        </>
      )}
    </Page>
  );
});
