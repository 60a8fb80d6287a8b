/**
 * Commands to a device on its own standard input, from a person at a terminal
 * or a program that writes lines.
 *
 * @module
 */

import {
  type DeviceStatus,
  parseCommand,
  type WaveDevice,
} from "@libc/ipc/device";
import { messageOf } from "./errors.ts";
import { settingsText, statusLine, statusLines } from "./format.ts";
import { PROMPT_HELP } from "./help.ts";
import { inputLines } from "./input.ts";
import type { Output } from "./output.ts";

const PROMPT = "HW_WAVE> ";
const SETTINGS = ["waveform", "period", "interval", "bits"] as const;

/** Options of {@linkcode Operator}. */
export interface OperatorOptions {
  /** The output for answers. */
  output: Output;
  /** Whether answers are lines of JSON. */
  json: boolean;
  /** Whether only `status` is answered. */
  quiet: boolean;
  /** Whether a person types, and gets a prompt. */
  terminal: boolean;
  /** Whether the end of the input ends the device. */
  endWithInput: boolean;
}

/** Reads commands and executes them. */
export class Operator {
  readonly #device: WaveDevice;
  readonly #options: OperatorOptions;
  #refused = 0;
  /** Whether the device has ended, or was told to. */
  #stopped = false;
  /** Whether the cursor is after a prompt. */
  #prompting = false;

  /** Makes an operator; {@linkcode start} begins to read. */
  constructor(device: WaveDevice, options: OperatorOptions) {
    this.#device = device;
    this.#options = options;
  }

  /** The number of refused commands of a program. */
  get refused(): number {
    return this.#refused;
  }

  /** Begins to read, while the device runs. */
  start(): void {
    if (this.#options.terminal) {
      this.#options.output.line(
        "help shows the commands, exit ends the device",
      );
    }
    this.#serve().catch((error) => {
      this.#refuse(`cannot read commands: ${messageOf(error)}`);
    });
  }

  /** Stops reading, after the end of the device. */
  stop(): void {
    this.#stopped = true;
    if (this.#prompting) this.#options.output.line();
    this.#prompting = false;
  }

  async #serve(): Promise<void> {
    const lines = inputLines();
    this.#prompt(PROMPT);
    for await (const line of lines) {
      this.#prompting = false;
      // Ignore input after the end.
      if (this.#stopped) return;
      const words = line.trim();
      // One text covers every topic.
      if (/^(help|\?)(\s|$)/.test(words)) this.#say(PROMPT_HELP);
      else if (words === "config") await this.#configure(lines);
      else if (words !== "" && !words.startsWith("#")) this.#execute(words);
      if (this.#stopped) return;
      this.#prompt(PROMPT);
    }
    if (this.#options.endWithInput) this.#exit();
  }

  #exit(): void {
    if (this.#prompting) this.#options.output.line();
    this.#prompting = false;
    this.#stopped = true;
    this.#device.exit();
  }

  #execute(line: string): void {
    try {
      const command = parseCommand(line);
      if (command.name === "exit") {
        this.#exit();
        return;
      }
      this.#answer(command.name, this.#device.execute(command));
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof RangeError)) {
        throw error;
      }
      this.#refuse(error.message, line);
    }
  }

  /** Shows the settings; asks a person for new ones, one after the other. */
  async #configure(lines: AsyncGenerator<string, void>): Promise<void> {
    const status = this.#device.status();
    if (!this.#options.terminal) return this.#answer("config", status);
    const changes: string[] = [];
    this.#say("Enter keeps a setting.");
    {
      using _state = this.#device.beginConfiguration();
      for (const name of SETTINGS) {
        const answer = await this.#ask(lines, name, status[name]);
        if (answer === undefined) return;
        if (answer !== "") changes.push(`${name}=${answer}`);
      }
    }
    if (changes.length > 0) this.#execute(`config ${changes.join(" ")}`);
    else this.#say(settingsText(status));
  }

  /** Asks until a setting is valid; undefined when the device ends instead. */
  async #ask(
    lines: AsyncGenerator<string, void>,
    name: string,
    current: string | number,
  ): Promise<string | undefined> {
    for (;;) {
      this.#prompt(`${name} [${current}]: `);
      const { value, done } = await lines.next();
      if (this.#stopped) return undefined;
      if (done) {
        this.#exit();
        return undefined;
      }
      this.#prompting = false;
      const answer = value.trim();
      if (answer === "" || this.#accepts(`config ${name}=${answer}`)) {
        return answer;
      }
    }
  }

  /** Whether a line is a command; reports why it is not. */
  #accepts(line: string): boolean {
    try {
      parseCommand(line);
      return true;
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof RangeError)) {
        throw error;
      }
      this.#refuse(error.message, line);
      return false;
    }
  }

  #answer(name: string, status: DeviceStatus): void {
    const { output, json, quiet } = this.#options;
    if (quiet && name !== "status") return;
    if (json) return output.json({ event: "answer", command: name, ...status });
    const lines = name === "status"
      ? statusLines(status, output.paint)
      : [statusLine(status, output.paint)];
    lines.forEach((line) => output.line(line));
  }

  #refuse(reason: string, command?: string): void {
    const { output, json, terminal } = this.#options;
    // A person sees the message and types again; a program's run has failed.
    if (!terminal) this.#refused++;
    if (json) output.json({ event: "refused", command, reason });
    output.note(reason);
  }

  #say(text: string): void {
    if (!this.#options.json) this.#options.output.line(text);
  }

  #prompt(text: string): void {
    if (!this.#options.terminal || this.#stopped) return;
    this.#options.output.write(text);
    this.#prompting = true;
  }
}
