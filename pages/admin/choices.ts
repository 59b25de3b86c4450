// Values of a user's fields and the labels that the pages show for them.

import { t } from "../languages";

export const roles = () => ({ user: t("users.role.user"), admin: t("users.role.admin") });
export const tiers = { 0: "0", 1: "1", 2: "2" };
export const activities = () => ({ true: t("users.active"), false: t("users.deactivated") });
export const verifications = () => ({ true: t("users.verified"), false: t("users.not_verified") });
export const secondFactors = () => ({ true: t("users.second_factor.on"), false: t("users.second_factor.off") });
export const orders = () => ({
  "": t("users.sort.newest"),
  created_at: t("users.sort.oldest"),
  email: t("users.sort.email"),
  name: t("users.sort.name"),
});

/** The choices of a filter, with one that leaves it out. */
export const orAny = (choices: Record<string, string>) => ({ "": t("users.any"), ...choices });
