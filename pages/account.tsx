// The account page of the signed-in user. The URL fragment selects the view.

import { useState } from "preact/hooks";
import { Deactivation } from "./account/deactivation";
import { EmailAddress } from "./account/email-address";
import { EmailVerification } from "./account/email-verification";
import { Export } from "./account/export";
import { Invitations } from "./account/invitations";
import { LinkedAccounts } from "./account/linked-accounts";
import { OwnSessions } from "./account/own-sessions";
import { PasskeyOffer } from "./account/passkey-offer";
import { Passkeys } from "./account/passkeys";
import { Password } from "./account/password";
import { Profile } from "./account/profile";
import { SecondFactor } from "./account/second-factor";
import { SecondFactorSetup } from "./account/second-factor-setup";
import { loadProtection, type Protection } from "./account/security";
import { AppPage, start } from "./design/page";
import { Section } from "./design/section";
import { Skeleton } from "./design/skeleton";
import { t } from "./languages";
import { ApiError, type Listed, listSignedIn, loadOwnUser, type User } from "./parts/api";
import { EmailProblemSection } from "./parts/email-problem";
import { Events } from "./parts/events";
import { useLoaded } from "./parts/loaded";
import type { Session } from "./parts/sessions";
import { followUserLanguage } from "./parts/user-language";
import { PageLinks, UserMenu } from "./parts/user-menu";
import { useView, ViewLinks } from "./parts/views";

interface Account {
  user: User;
  sessions: Listed<Session>;
  protection?: Protection;
  /** What the user has to do before anything else: the error of the service. */
  restriction?: ApiError;
}

async function load(): Promise<Account> {
  const user = await loadOwnUser();
  try {
    const [sessions, protection] = await Promise.all([listSignedIn<Session>("me/sessions"), loadProtection()]);
    followUserLanguage();
    return { user, sessions, protection };
  } catch (error) {
    const account = { user, sessions: { items: [], total: 0 } };
    if (!(error instanceof ApiError)) throw error;
    // The default admin of a deployment must change the password first.
    if (error.code === "password_change_required") return { ...account, restriction: error };
    if (error.code !== "second_factor_setup_required") throw error;
    return { ...account, restriction: error, protection: await loadProtection() };
  }
}

const views = {
  profile: "account.profile",
  security: "account.security",
  sessions: "account.sessions",
  invitations: "account.invitations",
  data: "account.data",
} as const;

start(["activity", "account"], ({ config }) => {
  const { value: account, error, reload } = useLoaded(load);
  const [codes, showCodes] = useState<string[] | null>(null);
  const { view } = useView(views, "profile", { password: "security" });
  const { user, sessions, protection, restriction } = account ?? {};
  const frame = {
    config,
    title: restriction ? t("account") : t(views[view]),
    pages: <PageLinks user={user} />,
    menu: <UserMenu user={user} />,
    views: !restriction && <ViewLinks views={views} view={view} name={t("account.views")} />,
  };
  if (!user || !sessions) {
    return (
      <AppPage {...frame}>
        {error ? (
          <p class="message error" role="alert">
            {error.message}
          </p>
        ) : (
          <div class="card">
            <Skeleton lines={6} />
          </div>
        )}
      </AppPage>
    );
  }
  const secondFactor = protection && (
    <SecondFactor
      user={user}
      config={config}
      security={protection.security}
      passkeys={protection.passkeys.length}
      codes={codes}
      showCodes={showCodes}
      changed={reload}
    />
  );
  return (
    <AppPage {...frame}>
      {restriction && (
        <p class="message error" role="alert">
          {restriction.message}
        </p>
      )}
      {restriction && !protection && <Password user={user} config={config} changed={reload} />}
      {restriction && protection && (
        <SecondFactorSetup user={user} protection={protection} showCodes={showCodes} changed={reload}>
          {secondFactor}
        </SecondFactorSetup>
      )}
      {!restriction && protection && (
        <div key={view}>
          {view === "profile" && (
            <>
              <PasskeyOffer user={user} protection={protection} changed={reload} />
              {protection.security.email_problem && (
                <EmailProblemSection
                  email={user.email}
                  problem={protection.security.email_problem}
                  path="me"
                  changed={reload}
                />
              )}
              <Profile user={user} changed={reload} />
              {!user.is_verified && <EmailVerification user={user} verified={reload} />}
              <EmailAddress user={user} changed={reload} />
            </>
          )}
          {view === "security" && (
            <>
              <Password
                user={user}
                config={config}
                hasPassword={protection.security.has_password}
                identities={protection.security.identities}
                isRemovable={protection.passkeys.length > 0}
                showCodes={showCodes}
                changed={reload}
              />
              <Passkeys user={user} passkeys={protection.passkeys} changed={reload} />
              <LinkedAccounts config={config} changed={reload} />
              {secondFactor}
            </>
          )}
          {view === "sessions" && (
            <>
              <OwnSessions sessions={sessions} changed={reload} />
              <Section title={t("events")}>
                <Events path="me/events" self={user.id} />
              </Section>
            </>
          )}
          {view === "invitations" && <Invitations user={user} config={config} />}
          {view === "data" && (
            <>
              <Export config={config} />
              <Deactivation config={config} />
            </>
          )}
        </div>
      )}
    </AppPage>
  );
});
