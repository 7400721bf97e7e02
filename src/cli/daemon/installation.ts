/** What a tool of the system answered. */
export interface ToolResult {
  /** 127 where there is no such tool. */
  readonly code: number;
  /** Both streams, as they came. */
  readonly output: string;
}

/** A program and its arguments; no shell is involved. */
export type Command = readonly string[];

/** What Olla is to be run as. */
export interface Wish {
  /** Absolute. */
  readonly executable: string;
  /** Absolute; undefined where Olla is to look for servers on this machine. */
  readonly configPath: string | undefined;
  /** For the whole machine, started with it, as against for one user. */
  readonly isForMachine: boolean;
  /** How long answers may take to end when Olla is told to stop. */
  readonly shutdownGraceMs: number;
  /** Whether a port below 1024 is to be opened. */
  readonly needsLowPort: boolean;
  /** Of the file's group, by number, where that is how Olla may read it. */
  readonly configGroup: number | undefined;
}

/** How one system keeps Olla running: a file that says what to run, and commands that make the system look at it. */
export interface Installation {
  /** As the system calls it, for people. */
  readonly name: string;
  /** Absolute. */
  readonly file: string;
  readonly content: string;
  readonly encoding: "utf8" | "utf16le";
  /** Made before the file is written, where they are not there. */
  readonly folders: readonly string[];
  /** Make sure that nothing of an earlier installation is in the way; they may fail. */
  readonly prepare: readonly Command[];
  /** Start Olla, now and from now on. */
  readonly activate: readonly Command[];
  /** End it, before the file is deleted; they may fail. */
  readonly deactivate: readonly Command[];
  /** Once the file is deleted. */
  readonly forget: readonly Command[];
  /** Its answer is for `readState`. */
  readonly query: Command;
  readState(answer: ToolResult): DaemonState;
  /** What an operator wants to know next: a label, and a command or a place. */
  readonly hints: readonly (readonly [label: string, text: string])[];
}

export interface DaemonState {
  /** Undefined where the system does not say. */
  readonly isInstalled: boolean | undefined;
  readonly isRunning: boolean;
  /** What the system says of it, in a few words. */
  readonly text: string;
}
