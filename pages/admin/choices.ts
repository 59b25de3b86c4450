// What a user can be: the values of the service, and how the pages call them.

export const roles = { user: "User", admin: "Admin" };
export const tiers = { 0: "0", 1: "1", 2: "2" };
export const activities = { true: "Active", false: "Deactivated" };
