import packageFile from "../../package.json" with { type: "json" };
import { archiveStem, downloadUrl, type PublishedArchive, releasesUrl } from "./artifacts.ts";

/** What Homebrew, Scoop and winget want to know, by path below the folder that holds them. */
export type Manifests = ReadonlyMap<string, string>;

const summary = "LLM proxy: one address in front of all your inference servers";
const wingetSchema = "1.10.0";

/** @throws Error when an archive that one of them needs is missing */
export function renderManifests(version: string, archives: readonly PublishedArchive[]): Manifests {
  return new Map([
    ["homebrew/olla.rb", renderFormula(version, archives)],
    ["scoop/olla.json", renderScoop(version, archives)],
    ...renderWinget(version, archives),
  ]);
}

function find(archives: readonly PublishedArchive[], name: string): PublishedArchive {
  const archive = archives.find(({ target }) => target.name === name);
  if (archive === undefined) throw new Error(`There is no archive for ${name}`);
  return archive;
}

function renderFormula(version: string, archives: readonly PublishedArchive[]): string {
  const source = (name: string, indent: string): string => {
    const { url, sha256 } = find(archives, name);
    return `${indent}url "${url}"\n${indent}sha256 "${sha256}"`;
  };
  const system = (block: string, name: string): string => `  on_${block} do
    on_arm do
${source(`${name}-arm64`, "      ")}
    end
    on_intel do
${source(`${name}-x64`, "      ")}
    end
  end`;
  return `class Olla < Formula
  desc "${summary}"
  homepage "${packageFile.homepage}"
  version "${version}"
  license "${packageFile.license}"

${system("macos", "darwin")}

${system("linux", "linux")}

  def install
    bin.install "olla"
    doc.install "README.md", "THIRD-PARTY-NOTICES.txt"
    pkgshare.install "config.example.yaml"
    bash_completion.install "completions/olla.bash" => "olla"
    zsh_completion.install "completions/_olla"
    fish_completion.install "completions/olla.fish"
  end

  # What is not there yet is as good as an empty file: Olla then looks for servers at the usual ports.
  def post_install
    (etc/"olla").mkpath
    config = etc/"olla/config.yaml"
    config.write "# See #{opt_pkgshare}/config.example.yaml\\n" unless config.exist?
  end

  service do
    run [opt_bin/"olla", "serve", "--config", etc/"olla/config.yaml"]
    keep_alive true
    working_dir var
    log_path var/"log/olla.log"
    error_log_path var/"log/olla.log"
  end

  test do
    assert_match "olla #{version}", shell_output("#{bin}/olla --version")
    (testpath/"config.yaml").write "server:\\n  port: 40114\\n"
    system bin/"olla", "validate", "--config", testpath/"config.yaml"
  end
end
`;
}

function renderScoop(version: string, archives: readonly PublishedArchive[]): string {
  const architectures = { "64bit": "windows-x64", arm64: "windows-arm64" };
  const forEach = <Value>(make: (archive: PublishedArchive) => Value): Record<string, Value> =>
    Object.fromEntries(Object.entries(architectures).map(([key, name]) => [key, make(find(archives, name))]));
  const withVariable = (text: string): string => text.replaceAll(version, "$version");
  const manifest = {
    version,
    description: summary,
    homepage: packageFile.homepage,
    license: packageFile.license,
    architecture: forEach(({ url, sha256, target }) => ({
      url,
      hash: sha256,
      extract_dir: archiveStem(version, target),
    })),
    bin: "olla.exe",
    checkver: { github: packageFile.homepage },
    autoupdate: {
      architecture: forEach(({ url, target }) => ({
        url: withVariable(url),
        extract_dir: withVariable(archiveStem(version, target)),
      })),
      hash: { url: withVariable(downloadUrl(version, "SHA256SUMS")) },
    },
  };
  return `${JSON.stringify(manifest, null, 4)}\n`;
}

function renderWinget(version: string, archives: readonly PublishedArchive[]): [string, string][] {
  const publisher = new URL(packageFile.homepage).pathname.split("/")[1] ?? "";
  const id = `${publisher}.olla`;
  const installers = ["windows-x64", "windows-arm64"].map((name) => find(archives, name));
  const render = (kind: string, lines: readonly string[]): string =>
    [
      `# yaml-language-server: $schema=https://aka.ms/winget-manifest.${kind}.${wingetSchema}.schema.json`,
      `PackageIdentifier: ${id}`,
      `PackageVersion: ${version}`,
      ...lines,
      `ManifestType: ${kind}`,
      `ManifestVersion: ${wingetSchema}`,
      "",
    ].join("\n");
  return [
    [`winget/${id}.yaml`, render("version", ["DefaultLocale: en-US"])],
    [
      `winget/${id}.locale.en-US.yaml`,
      render("defaultLocale", [
        "PackageLocale: en-US",
        `Publisher: ${publisher}`,
        "PackageName: Olla",
        `PackageUrl: ${packageFile.homepage}`,
        `License: ${packageFile.license}`,
        `ShortDescription: "${summary}"`,
        "Moniker: olla",
        `ReleaseNotesUrl: ${releasesUrl}/tag/v${version}`,
      ]),
    ],
    [
      `winget/${id}.installer.yaml`,
      render("installer", [
        "InstallerType: zip",
        "NestedInstallerType: portable",
        "Installers:",
        ...installers.flatMap(({ target, url, sha256 }) => [
          `- Architecture: ${target.cpu}`,
          `  InstallerUrl: ${url}`,
          `  InstallerSha256: ${sha256.toUpperCase()}`,
          "  NestedInstallerFiles:",
          `  - RelativeFilePath: ${archiveStem(version, target)}\\olla.exe`,
          "    PortableCommandAlias: olla",
        ]),
      ]),
    ],
  ];
}
