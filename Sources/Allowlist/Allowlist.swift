// Allowlist
