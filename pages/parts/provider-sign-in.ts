// Sign-ins with identity providers, and links to them, that this browser has started. The provider sends the user back to `/callback`
// with a code. The code opens nothing without the token that stays here, so a link to `/callback` that someone else made does nothing.

import { t } from "../languages";
import { ApiError, call, callSignedIn } from "./api";
import type { IdentityProvider } from "./config";
import { goTo } from "./leave";
import { type Stored, StoredTokens } from "./stored-tokens";

/** What the user has asked for. */
export interface ProviderRequest {
  provider: IdentityProvider;
  /** Whether to link the provider to the account of the session, instead of starting a session. */
  links?: boolean;
  /** The invitation of a sign-up. */
  referrer?: string | undefined;
  /** Where to go afterwards. */
  return_to?: string | undefined;
}

export interface ProviderSignIn extends Stored {
  request: ProviderRequest;
  /** Absent once it has been used. Until it expires, the browser remembers where it has led. */
  token?: string;
  /** Whether the token was sent and no answer has arrived, for example because the user has reloaded the page. */
  isUnderWay?: boolean;
}

export const providerSignIns = new StoredTokens<ProviderSignIn>("provider-sign-ins");

/** The response to the request for a sign-in. */
interface Begun extends Stored {
  /** The page of the provider. */
  url: string;
  token: string;
}

/** How long the browser can take to open the page of the provider, before the user can try again. */
const patience = 10_000;

/** Starts a sign-in and goes to the page of the provider. */
export async function goToProvider(request: ProviderRequest): Promise<void> {
  const { provider, links, referrer, return_to } = request;
  const [send, path] = links ? ([callSignedIn, "me/identities"] as const) : ([call, "login"] as const);
  const json = { referrer, return_to };
  const { id, expires_at, token, url } = await send<Begun>("POST", `${path}/${provider.id}`, { json });
  if (!providerSignIns.remember({ id, expires_at, token, request })) {
    throw new ApiError(
      "storage_blocked",
      t("provider.storage_blocked", { provider: provider.name, host: location.host }),
    );
  }
  goTo(url);
  await new Promise((resolve) => setTimeout(resolve, patience));
}
