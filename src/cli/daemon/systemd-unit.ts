import type { Wish } from "./installation.ts";

/** Whom a unit for the whole machine runs as: a user that exists while it runs, or one that a package has made. */
export type UnitUser = "dynamic" | { readonly name: string };

export interface UnitOptions
  extends Pick<Wish, "executable" | "configPath" | "isForMachine" | "needsLowPort" | "configGroup"> {
  readonly user: UnitUser;
}

/** The text of `olla.service`, for `systemctl` or `systemctl --user`. */
export function renderSystemdUnit(options: UnitOptions): string {
  const { executable, configPath, isForMachine } = options;
  const command = [executable, "serve", ...(configPath === undefined ? [] : ["--config", configPath])];
  const lines = [
    "[Unit]",
    "Description=Olla, one address in front of all your inference servers",
    ...(isForMachine ? ["Wants=network-online.target", "After=network-online.target"] : []),
    "",
    "[Service]",
    "Type=notify",
    `ExecStart=${command.map(quote).join(" ")}`,
    "ExecReload=/bin/kill -HUP $MAINPID",
    "Restart=on-failure",
    "RestartSec=2",
    "# An event loop that stands still for a minute is not coming back.",
    "WatchdogSec=60",
    "# OLLA_SERVER_ADMIN_KEY=… and other variables. systemd reads it, so the user that Olla runs as need not.",
    "EnvironmentFile=-%E/olla/olla.env",
    "LimitNOFILE=65536",
    "# Relative paths of the configuration, such as that of the request log, count from here.",
    "StateDirectory=olla",
    "StateDirectoryMode=0750",
    "WorkingDirectory=%S/olla",
    "UMask=0077",
    ...(isForMachine ? identity(options) : []),
    "",
    ...(isForMachine ? confinement(options) : []),
    ...everywhere,
    "",
    "[Install]",
    `WantedBy=${isForMachine ? "multi-user.target" : "default.target"}`,
  ];
  return `${lines.join("\n")}\n`;
}

function identity({ user, configGroup }: UnitOptions): string[] {
  return [
    ...(user === "dynamic" ? ["DynamicUser=yes"] : [`User=${user.name}`, `Group=${user.name}`]),
    ...(configGroup === undefined
      ? []
      : ["# May read the configuration.", `SupplementaryGroups=${configGroup}`]),
    "# For `server.host: unix:/run/olla/olla.sock`.",
    "RuntimeDirectory=olla",
    "RuntimeDirectoryMode=0755",
  ];
}

/** Namespaces and capabilities, which a user's own systemd has no right to. */
function confinement({ needsLowPort, configGroup }: UnitOptions): string[] {
  const capability = needsLowPort ? "CAP_NET_BIND_SERVICE" : "";
  // Who has a user namespace of his own has no say in ports below 1024, and his groups are not the machine's.
  const mayBeAlone = !needsLowPort && configGroup === undefined;
  return [
    `CapabilityBoundingSet=${capability}`,
    `AmbientCapabilities=${capability}`,
    ...(mayBeAlone ? ["PrivateUsers=yes"] : []),
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "PrivateMounts=yes",
    "ProtectProc=invisible",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "RemoveIPC=yes",
  ];
}

const everywhere = [
  "NoNewPrivileges=yes",
  "LockPersonality=yes",
  "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK",
  "RestrictNamespaces=yes",
  "RestrictRealtime=yes",
  "RestrictSUIDSGID=yes",
  "SystemCallArchitectures=native",
  "SystemCallFilter=@system-service",
  "SystemCallFilter=~@privileged @resources",
  "SystemCallErrorNumber=EPERM",
  "# No MemoryDenyWriteExecute: JavaScript is compiled while it runs.",
];

/** One word of a command line, as systemd reads them: `%` and `$` would be filled in. */
function quote(word: string): string {
  const plain = word.replaceAll("%", "%%").replaceAll("$", "$$$$");
  return /^[\w@%+=:,./$-]+$/.test(plain) ? plain : `"${plain.replace(/["\\]/g, "\\$&")}"`;
}
