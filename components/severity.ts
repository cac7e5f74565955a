// How bad is an alert? One word, by which receivers choose.

/**
 * `critical`: somebody must act now. `warning`: somebody must act today. `info`: worth knowing, nothing to do.
 * `none`: no trouble at all, as the watchdog that always fires.
 */
export const Severity = { Critical: "critical", Warning: "warning", Info: "info", None: "none" } as const;

/** One of {@link Severity}. */
export type Severity = (typeof Severity)[keyof typeof Severity];
