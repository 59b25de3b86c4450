// The Turnstile widget of forms that programs might send, if the settings require it: https://developers.cloudflare.com/turnstile/.
// The Worker allows its script on the pages of `routes::may_have_captcha` only.

import { t } from "../languages";
import { useEffect, useRef } from "preact/hooks";
import { ApiError } from "./api";
import type { Config } from "./config";

const script = "https://challenges.cloudflare.com/turnstile/v0/api.js?render=explicit";

/** The form, as the service names it (`src/access/captcha.rs`). */
type Action = "signup" | "login_email" | "password_reset";

/** The part of Turnstile's interface that the pages use. */
interface Turnstile {
  render(place: HTMLElement, options: Record<string, unknown>): string | null | undefined;
  reset(widget: string): void;
  remove(widget: string): void;
}

declare global {
  interface Window {
    turnstile?: Turnstile;
  }
}

/**
 * Returns the widget to put into a form, and a function that sends the form with the token of the widget. Without the setting there is
 * no widget and no token. A token works once, so each sending gets another one.
 */
export function useCaptcha({ turnstile_site_key: siteKey }: Config, action: Action) {
  const place = useRef<HTMLDivElement>(null);
  const challenge = useRef<Challenge>(null);
  useEffect(() => {
    if (!siteKey || !place.current) return;
    const begun = new Challenge(place.current, siteKey, action);
    challenge.current = begun;
    return () => begun.remove();
  }, [siteKey, action]);

  async function withCaptcha<Result>(send: (captcha: { captcha?: string }) => Promise<Result>): Promise<Result> {
    if (!challenge.current) return await send({});
    const captcha = await challenge.current.token();
    try {
      return await send({ captcha });
    } finally {
      challenge.current.begin();
    }
  }

  return { widget: siteKey ? <div ref={place} class="captcha" /> : null, withCaptcha };
}

/** A widget and its token. */
class Challenge {
  #turnstile: Turnstile | undefined;
  #widget: string | undefined;
  #isRemoved = false;
  #token = new Deferred();

  constructor(place: HTMLElement, sitekey: string, action: Action) {
    const refuse = (text: string) => this.#token.reject(new ApiError("captcha_refused", text));
    const fail = () => {
      refuse(t("captcha.failed"));
      // Turnstile then writes no error of its own.
      return true;
    };
    load().then((turnstile) => {
      if (this.#isRemoved) return;
      this.#turnstile = turnstile;
      const widget = turnstile.render(place, {
        sitekey,
        action,
        size: "flexible",
        "response-field": false,
        callback: (token: string) => {
          this.#token.resolve(token);
          // For the next one who asks, if the challenge has failed before.
          this.#token = new Deferred();
          this.#token.resolve(token);
        },
        "before-interactive-callback": () => refuse(t("captcha.first")),
        // Turnstile begins again by itself.
        "expired-callback": () => {
          this.#token = new Deferred();
        },
        "error-callback": fail,
        "unsupported-callback": fail,
      });
      this.#widget = widget ?? undefined;
    }, fail);
  }

  /** Waits for the token. */
  token(): Promise<string> {
    return this.#token.promise;
  }

  /** Begins a new challenge. */
  begin(): void {
    if (this.#isRemoved || this.#widget === undefined) return;
    this.#token = new Deferred();
    this.#turnstile?.reset(this.#widget);
  }

  remove(): void {
    this.#isRemoved = true;
    if (this.#widget !== undefined) this.#turnstile?.remove(this.#widget);
  }
}

/** A text that is not there yet. */
class Deferred {
  resolve!: (text: string) => void;
  reject!: (error: ApiError) => void;
  readonly promise = new Promise<string>((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });

  constructor() {
    // Whoever waits gets the error too.
    this.promise.catch(() => {});
  }
}

let loading: Promise<Turnstile> | undefined;

/** Loads Turnstile once. */
function load(): Promise<Turnstile> {
  loading ??= new Promise((resolve, reject) => {
    const element = document.createElement("script");
    element.src = script;
    element.onload = () => (window.turnstile ? resolve(window.turnstile) : reject());
    element.onerror = reject;
    document.head.append(element);
  });
  return loading;
}
