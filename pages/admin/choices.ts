// Values of a user's fields and the labels that the pages show for them.

export const roles = { user: "User", admin: "Admin" };
export const tiers = { 0: "0", 1: "1", 2: "2" };
export const activities = { true: "Active", false: "Deactivated" };
export const verifications = { true: "Verified", false: "Not verified" };
