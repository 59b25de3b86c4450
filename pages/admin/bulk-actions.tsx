// Actions on the users that an admin has selected, one user after the other.

import { useState } from "preact/hooks";
import { ConfirmDialog } from "../design/button";
import { Menu } from "../design/menu";
import { t } from "../languages";
import { ApiError, callSignedIn } from "../parts/api";
import { userPath } from "./addresses";
import type { ListedUser } from "./users";

type Act = "activate" | "deactivate" | "delete";

interface BulkActionsProps {
  users: ListedUser[];
  /** Called with the success message. */
  done: (text: string) => Promise<void>;
  /** Called after some of the users may have been changed. */
  failed: () => Promise<void>;
}

export function BulkActions({ users, done, failed }: BulkActionsProps) {
  const [act, setAct] = useState<Act>();
  if (users.length === 0) return null;
  const count = users.length;
  return (
    <div class="selection">
      <span role="status">{t("users.selected", { count })}</span>
      <Menu label={t("users.bulk")} name={t("users.bulk")}>
        {(["activate", "deactivate", "delete"] as const).map((name) => (
          <li key={name}>
            <button type="button" class={name === "delete" ? "danger" : ""} onClick={() => setAct(name)}>
              {t(`users.bulk.${name}`)}
            </button>
          </li>
        ))}
      </Menu>
      {act && (
        <ConfirmDialog
          question={t(`users.bulk.${act}.question`, { count })}
          confirm={t(`users.bulk.${act}`)}
          harmless={act === "activate"}
          closed={() => setAct(undefined)}
          work={async () => {
            await actOnAll(act, users).catch(async (error) => {
              await failed();
              throw error;
            });
            await done(t(`users.bulk.${act}.done`, { count }));
          }}
        >
          <p>{t(`users.bulk.${act}.about`)}</p>
        </ConfirmDialog>
      )}
    </div>
  );
}

/** Stops at the first user who cannot be changed, and says how far it got. */
async function actOnAll(act: Act, users: ListedUser[]): Promise<void> {
  for (const [done, user] of users.entries()) {
    try {
      await actOnOne(act, user);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const values = { done, all: users.length, user: user.email, problem: error.message };
      throw new ApiError(error.code, t("users.bulk.failed", values));
    }
  }
}

async function actOnOne(act: Act, { id, is_active, updated_at }: ListedUser): Promise<void> {
  if (act === "delete") {
    await callSignedIn("DELETE", userPath(id));
  } else if (is_active !== (act === "activate")) {
    await callSignedIn("PUT", userPath(id), { json: { is_active: act === "activate", updated_at } });
  }
}
