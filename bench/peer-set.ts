import { startOllaGo } from "./olla-go.ts";
import type { Options } from "./options.ts";
import { peerAt, startHaproxy, startNginx } from "./other-proxies.ts";
import { type Peer, startOlla } from "./peers.ts";

/** Everybody who takes part in a run: started when first wanted, ended together. */
export class PeerSet {
  readonly #started: Peer[] = [];
  #all: Promise<readonly Peer[]> | undefined;
  readonly #folder: string;
  readonly #upstream: Peer;
  readonly #options: Options;
  readonly #ollaCommand: readonly string[];

  constructor(folder: string, upstream: Peer, options: Options, ollaCommand: readonly string[]) {
    this.#folder = folder;
    this.#upstream = upstream;
    this.#options = options;
    this.#ollaCommand = ollaCommand;
  }

  /** The upstream itself, Olla, and whoever is installed or named. */
  all(): Promise<readonly Peer[]> {
    this.#all ??= this.#start();
    return this.#all;
  }

  async stop(): Promise<void> {
    for (const peer of this.#started.reverse()) await peer.stop();
  }

  async #start(): Promise<readonly Peer[]> {
    const [folder, upstream] = [this.#folder, this.#upstream];
    const keep = (peer: Peer | undefined, name: string): Peer[] => {
      if (peer === undefined) console.error(`${name} is not installed: no comparison with it`);
      else this.#started.push(peer);
      return peer === undefined ? [] : [peer];
    };
    const url = `http://127.0.0.1:${upstream.port}`;
    const peers = [upstream];
    peers.push(...keep(await startOlla(folder, "olla", [url], { command: this.#ollaCommand }), "olla"));
    peers.push(...keep(await startNginx(folder, upstream), "nginx"));
    peers.push(...keep(await startHaproxy(folder, upstream), "haproxy"));
    if (this.#options.ollaGo !== undefined)
      peers.push(...keep(await startOllaGo(this.#options.ollaGo, folder, upstream), "olla-go"));
    for (const each of this.#options.peers) peers.push(await peerAt(each));
    const names = peers.map(({ name }) => name);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) throw new Error(`two peers are called ${twice}`);
    return peers;
  }
}
