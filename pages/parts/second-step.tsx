// The second step of a sign-in, for accounts with a second factor.

import { t } from "../languages";
import { type ApiError, call } from "./api";
import type { Config } from "./config";
import type { RequestOptions } from "./passkey";
import { type Method, Proof } from "./proof";
import { signIn } from "./sign-in";

/** A sign-in that needs a second factor. */
export interface PendingSignIn {
  token: string;
  methods: Method[];
}

/** Returns the sign-in that continues after `second_factor_required`. */
export function pendingAfter({ detail }: ApiError): PendingSignIn {
  return detail as PendingSignIn;
}

interface SecondStepProps {
  config: Config;
  pending: PendingSignIn;
  signedIn: () => void;
  startAgain: () => void;
}

export function SecondStep({ config, pending: { token, methods }, signedIn, startAgain }: SecondStepProps) {
  const finish = async (proof: object) => {
    await signIn("login/second-factor", { token, ...proof }, config);
    signedIn();
  };
  return (
    <>
      <Proof
        methods={methods}
        label={t("sign_in")}
        submit={finish}
        loadPasskeyOptions={() =>
          call<RequestOptions>("POST", "login/second-factor/passkey/options", { json: { token } })
        }
        submitPasskey={({ token: challenge, credential }) => finish({ credential, challenge })}
      />
      <p>
        <button type="button" class="link" onClick={startAgain}>
          {t("sign_in.again")}
        </button>
      </p>
      <details>
        <summary>{t("sign_in.lost_phone")}</summary>
        <p>{t("sign_in.lost_phone.about")}</p>
      </details>
    </>
  );
}
