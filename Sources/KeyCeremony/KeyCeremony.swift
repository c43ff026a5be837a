// KeyCeremony
