// The buttons that sign in with an identity provider.

import { Button } from "../design/button";
import { t } from "../languages";
import { useEffect, useRef, useState } from "preact/hooks";
import { useAction } from "../design/action";
import type { IdentityProvider } from "./config";
import { Message } from "../design/form";
import { goToProvider, type ProviderRequest } from "./provider-sign-in";

interface ProviderButtonsProps {
  providers: IdentityProvider[];
  /** Whether it is the first choice on the page, which gets the focus. */
  isFirst?: boolean;
  /** Returns what to ask for, after the click, or throws an {@link ApiError}. */
  ask: () => Omit<ProviderRequest, "provider">;
}

export function ProviderButtons({ providers, isFirst, ask }: ProviderButtonsProps) {
  const { busy, outcome, run } = useAction();
  const [chosen, setChosen] = useState("");
  const container = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (isFirst) container.current?.querySelector("button")?.focus();
  }, []);
  const begin = (provider: IdentityProvider) =>
    run(async () => {
      const request = ask();
      setChosen(provider.id);
      await goToProvider({ provider, ...request });
    });
  return (
    <div ref={container} class="providers">
      {providers.map((provider) => (
        <Button
          key={provider.id}
          label={t("provider.continue", { provider: provider.name })}
          intent={isFirst ? "primary" : "secondary"}
          busy={busy && provider.id === chosen}
          blocked={busy}
          act={() => begin(provider)}
        />
      ))}
      <Message outcome={outcome} />
    </div>
  );
}
