const revealed = new WeakMap<Secret, string>();

/** A credential that cannot be printed by accident: every conversion gives a placeholder, only `reveal()` the value. */
export class Secret {
  constructor(value: string) {
    revealed.set(this, value);
  }

  reveal(): string {
    return revealed.get(this) ?? "";
  }

  toString(): string {
    return "[secret]";
  }

  toJSON(): string {
    return "[secret]";
  }
}
