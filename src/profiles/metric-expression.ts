/** What an expression works on. A name that is not there is null. */
export type MetricScalar = number | string | boolean | null;
export interface MetricScope {
  get(name: string): MetricScalar | undefined;
}

/** The result; undefined where there is none: a null operand, a division by zero, operands of the wrong kind. */
export type MetricExpression = (scope: MetricScope) => MetricScalar | undefined;

/** An expression that cannot be understood, and the character (from 1) at which that was noticed. */
export class MetricExpressionError extends Error {
  override readonly name = "MetricExpressionError";
  readonly character: number;

  constructor(problem: string, character: number) {
    super(`${problem} at character ${character}`);
    this.character = character;
  }
}

interface Token {
  readonly kind: "number" | "string" | "name" | "operator" | "end";
  readonly text: string;
  readonly at: number;
}

const maxExpressionLength = 1_000;
const maxNesting = 32;

const tokenPattern =
  /\s*(?:(?<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?<string>"[^"]*"|'[^']*')|(?<name>[A-Za-z_]\w*)|(?<operator>&&|\|\||[=!<>]=|[-+*/<>!?:()]))/y;

/**
 * Compiles numbers, strings, `null`, `true`, `false`, names, `+ - * /`, comparisons, `&& || !`, `a ? b : c`, `len()` and
 * parentheses. Called once for each expression of a profile, when it is loaded.
 * @throws MetricExpressionError
 */
export function compileMetricExpression(source: string): MetricExpression {
  if (source.length > maxExpressionLength) {
    throw new MetricExpressionError("the expression is too long", maxExpressionLength + 1);
  }
  return new Parser(tokensOf(source)).parse();
}

function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  const end = source.trimEnd().length;
  let at = 0;
  while (at < end) {
    tokenPattern.lastIndex = at;
    const groups = tokenPattern.exec(source)?.groups;
    const [kind, text] = Object.entries(groups ?? {}).find(([, value]) => value !== undefined) ?? [];
    if (kind === undefined || text === undefined) {
      const blank = source.slice(at).length - source.slice(at).trimStart().length;
      throw new MetricExpressionError(`unexpected "${source[at + blank] ?? ""}"`, at + blank + 1);
    }
    at = tokenPattern.lastIndex;
    tokens.push({ kind: kind as Token["kind"], text, at: at - text.length + 1 });
  }
  tokens.push({ kind: "end", text: "", at: end + 1 });
  return tokens;
}

/** From the loosest binding to the tightest; each level binds to the left. */
const binaryLevels: readonly (readonly string[])[] = [
  ["||"],
  ["&&"],
  ["==", "!="],
  ["<", "<=", ">", ">="],
  ["+", "-"],
  ["*", "/"],
];

class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;
  #nesting = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  parse(): MetricExpression {
    const expression = this.#ternary();
    const rest = this.#peek();
    if (rest.kind !== "end") throw unexpected(rest);
    return expression;
  }

  #ternary(): MetricExpression {
    this.#nesting += 1;
    if (this.#nesting > maxNesting) {
      throw new MetricExpressionError("nested too deeply", this.#peek().at);
    }
    const condition = this.#binary(0);
    let result = condition;
    if (this.#accept("?")) {
      const yes = this.#ternary();
      this.#expect(":");
      const no = this.#ternary();
      result = (scope) => {
        const isMet = condition(scope);
        if (typeof isMet !== "boolean") return undefined;
        return isMet ? yes(scope) : no(scope);
      };
    }
    this.#nesting -= 1;
    return result;
  }

  #binary(level: number): MetricExpression {
    const operators = binaryLevels[level];
    if (operators === undefined) return this.#unary();
    let left = this.#binary(level + 1);
    for (;;) {
      const operator = operators.find((each) => this.#accept(each));
      if (operator === undefined) return left;
      left = combine(operator, left, this.#binary(level + 1));
    }
  }

  #unary(): MetricExpression {
    const signs: ("!" | "-")[] = [];
    for (;;) {
      if (this.#accept("!")) signs.push("!");
      else if (this.#accept("-")) signs.push("-");
      else break;
    }
    return signs.reduceRight(
      (operand, sign) => (sign === "!" ? negate(operand) : minus(operand)),
      this.#primary(),
    );
  }

  #primary(): MetricExpression {
    const token = this.#peek();
    this.#next += 1;
    switch (token.kind) {
      case "number":
        return constant(Number(token.text));
      case "string":
        return constant(token.text.slice(1, -1));
      case "name":
        return this.#named(token);
      default:
        if (token.text !== "(") throw unexpected(token);
        return this.#closed(this.#ternary());
    }
  }

  #named({ text, at }: Token): MetricExpression {
    if (text === "null") return constant(null);
    if (text === "true" || text === "false") return constant(text === "true");
    if (!this.#accept("(")) return (scope) => scope.get(text) ?? null;
    if (text !== "len") throw new MetricExpressionError(`unknown function "${text}"`, at);
    const operand = this.#closed(this.#ternary());
    return (scope) => {
      const value = operand(scope);
      return typeof value === "string" ? value.length : undefined;
    };
  }

  #closed(inner: MetricExpression): MetricExpression {
    this.#expect(")");
    return inner;
  }

  #peek(): Token {
    // The last token is the end, and nothing goes past it.
    return this.#tokens[this.#next] ?? { kind: "end", text: "", at: 0 };
  }

  #accept(operator: string): boolean {
    const token = this.#peek();
    if (token.kind !== "operator" || token.text !== operator) return false;
    this.#next += 1;
    return true;
  }

  #expect(operator: string): void {
    const token = this.#peek();
    if (this.#accept(operator)) return;
    const found = token.kind === "end" ? "the expression ends" : `"${token.text}" stands`;
    throw new MetricExpressionError(`expected "${operator}", but ${found}`, token.at);
  }
}

function unexpected({ kind, text, at }: Token): MetricExpressionError {
  return new MetricExpressionError(
    kind === "end" ? "the expression ends too early" : `unexpected "${text}"`,
    at,
  );
}

function constant(value: MetricScalar): MetricExpression {
  return () => value;
}

function negate(operand: MetricExpression): MetricExpression {
  return (scope) => {
    const value = operand(scope);
    return typeof value === "boolean" ? !value : undefined;
  };
}

function minus(operand: MetricExpression): MetricExpression {
  return (scope) => {
    const value = operand(scope);
    return typeof value === "number" ? -value : undefined;
  };
}

function combine(operator: string, left: MetricExpression, right: MetricExpression): MetricExpression {
  switch (operator) {
    case "&&":
    case "||":
      return (scope) => {
        const first = left(scope);
        if (typeof first !== "boolean" || first === (operator === "||")) return onlyBoolean(first);
        return onlyBoolean(right(scope));
      };
    case "==":
    case "!=":
      return (scope) => {
        const first = left(scope);
        const second = right(scope);
        if (first === undefined || second === undefined) return undefined;
        return (first === second) === (operator === "==");
      };
    default: {
      const compute = numeric[operator];
      return (scope) => {
        const first = left(scope);
        const second = right(scope);
        if (compute === undefined || typeof first !== "number" || typeof second !== "number")
          return undefined;
        const result = compute(first, second);
        return typeof result === "boolean" || Number.isFinite(result) ? result : undefined;
      };
    }
  }
}

function onlyBoolean(value: MetricScalar | undefined): boolean | undefined {
  return typeof value === "boolean" ? value : undefined;
}

const numeric: Readonly<Record<string, (first: number, second: number) => number | boolean>> = {
  "<": (first, second) => first < second,
  "<=": (first, second) => first <= second,
  ">": (first, second) => first > second,
  ">=": (first, second) => first >= second,
  "+": (first, second) => first + second,
  "-": (first, second) => first - second,
  "*": (first, second) => first * second,
  "/": (first, second) => first / second,
};
