// What is special about a user, in a word each.

import { t } from "../languages";
import type { User } from "../parts/api";

interface BadgesProps {
  user: Pick<User, "role" | "is_active"> & { is_verified?: boolean; frozen_by?: string | null };
}

export function Badges({ user: { role, is_active, is_verified, frozen_by } }: BadgesProps) {
  return (
    <span class="badges">
      {role === "admin" && <span class="badge success">{t("users.role.admin")}</span>}
      {is_verified === false && <span class="badge warning">{t("users.not_verified")}</span>}
      {frozen_by ? (
        <span class="badge error">{t("users.frozen")}</span>
      ) : (
        !is_active && <span class="badge error">{t("users.deactivated")}</span>
      )}
    </span>
  );
}
