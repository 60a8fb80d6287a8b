/**
 * The help texts.
 *
 * @module
 */

/** The commands with a help text. */
export type HelpTopic = "ipc" | "device" | "client" | "ctl" | "detach" | "demo";

const ADDRESS = `
Which device:
      --path PATH         existing file or directory the key is made of [.]
      --proj ID           project id: one character (also a digit), 10 to 255,
                          or 0x01 to 0xff [x] (the two arguments of C's ftok)`;

const TEXTS: Readonly<Record<HelpTopic, string>> = {
  ipc: `
A simulated I/O device in shared memory, its clients, and its tools.

Usage: ipc COMMAND [OPTIONS]

Commands:
  device     run a device that produces a waveform
  client     read a device: lines, JSON, CSV, or a live plot
  ctl        command a running device from another terminal
  detach     show who is attached, and remove what a dead device left
  demo       a device and a client together for ten seconds
  help       this text, or that of a command: ipc help client

Options:
  -h, --help              this text
      --version           the version

Examples:
  ipc demo
  ipc device SIN 2        in one terminal
  ipc client --plot       in another one
  ipc ctl config waveform=TRI period=0.5

Exit code: 0 done, 1 failed, 2 wrong usage.`,

  device: `
Run a simulated device: it writes a waveform into shared memory.

Usage: ipc device <SIN|TRI|QUA> <PERIOD> [OPTIONS]

  SIN sine, TRI triangle, QUA square; PERIOD in seconds.

Options:
      --interval SECONDS  time between two samples [0.1]
      --bits N            resolution, 2 to 31: full scale is ±2^(N-1) [10]
      --transport KIND    sysv, posix or memfd; C programs find sysv [sysv]
      --mode MODE         permission bits: 600 for you alone, 644 lets all
                          read, 666 lets all command [600]
      --exit-on-eof       end when standard input ends
      --json              a line of JSON for each event
      --quiet             nothing but the answers to status, and errors
  -h, --help              this text
${ADDRESS}

At a terminal it shows the prompt HW_WAVE> and takes the commands start, stop
(pause), config, status, help and exit; Ctrl-D and Ctrl-C end it too. Without a
terminal it reads the same commands from standard input, and runs on when that
ends, until exit, "ipc ctl exit", SIGINT or SIGTERM. In the background of a
terminal it runs on, and takes no commands from there.

Whatever ends it, clients see the state off, and nothing stays behind.

Examples:
  ipc device SIN 2
  ipc device TRI 0.5 --interval 0.001 --bits 12
  ipc device QUA 1 --mode 666 --path /tmp < /dev/null &
  printf 'config period=1\\nstatus\\nexit\\n' | ipc device SIN 2

Exit code: 0 ended as told, 1 failed (also when a command from standard input
that is no terminal was refused), 2 wrong usage.`,

  client: `
Read a device, until it goes off.

Usage: ipc client [OPTIONS]

Options:
      --interval SECONDS  time between two readings [0.1]
      --count N           end after N readings or samples
      --follow            every sample, without loss, instead of readings
      --plot              a live plot of every sample; q quits
      --window SECONDS    time that the plot shows [two periods]
      --ascii             plot with ASCII characters
      --json              a line of JSON for each reading
      --csv               CSV with a header
      --wait              wait for a device if there is none yet
      --timeout SECONDS   with --wait: how long [for ever]
      --transport KIND    sysv, posix or memfd [where the device says]
  -h, --help              this text
${ADDRESS}

With --follow, JSON and CSV have a field "lost": how many samples were
overwritten just before this one because this client was too slow. A device of
another program (in C, say) has only the plain struct: it can be read, but not
followed.

Examples:
  ipc client
  ipc client --wait --plot
  ipc client --follow --count 1000 --csv > samples.csv
  ipc client --interval 1 --json | jq .value

Exit code: 0 when the count is reached, the device went off, or Ctrl-C ended a
client without a count; 1 when the device died or was removed, there is none, or
a signal came before the count; 2 wrong usage.`,

  ctl: `
Command a running device from another terminal, and show its answer.

Usage: ipc ctl <start|stop|config|status|exit> [SETTING=VALUE]... [OPTIONS]

Commands:
  start                   go on after a pause
  stop                    pause: device time stands still
  config SETTING=VALUE    change waveform, period, interval or bits
  status                  show what the device does
  exit                    end the device, and wait until it is gone

Options:
      --timeout SECONDS   how long to wait for the answer [5]
      --json              the answer as a line of JSON
      --quiet             no answer, only the exit code
  -h, --help              this text
${ADDRESS}

Examples:
  ipc ctl status
  ipc ctl config waveform=TRI period=0.5
  ipc ctl config interval=0.01 bits=12
  ipc ctl exit

Exit code: 0 done, 1 no device, no answer or refused, 2 wrong usage.`,

  detach: `
Show what exists under the key of a device and who is attached, and remove what
a dead device left behind.

Usage: ipc detach [OPTIONS]

Options:
      --dry-run           only show
      --force             remove also what a living device, or a program that
                          is not ours, uses
      --json              one line of JSON
      --quiet             only errors
  -h, --help              this text
${ADDRESS}

Examples:
  ipc detach
  ipc detach --dry-run --json
  ipc detach --path /tmp --force

Exit code: 0 removed or nothing to remove, 1 refused or failed, 2 wrong usage.`,

  demo: `
A device and a client together, with a live plot, for about ten seconds. Then
both end and nothing stays behind.

Usage: ipc demo [OPTIONS]

The device runs in a process of its own with --allow-run, and in this one
without.

Options:
      --seconds N         how long [10]
      --ascii             plot with ASCII characters
  -h, --help              this text

Exit code: 0 done, 1 failed or something was left, 2 wrong usage.`,
};

/** The answer to `help` at the prompt of a device. */
export const PROMPT_HELP = `\
start                    go on after a pause
stop                     pause: device time stands still
config                   ask for each setting; without a terminal, show them
config SETTING=VALUE...  change waveform, period, interval or bits:
                         config waveform=TRI period=0.5 interval=0.01 bits=12
status                   show everything
help                     this text
exit                     end the device (also Ctrl-D)`;

/** Whether a help text has that name. */
export function isHelpTopic(name: string): name is HelpTopic {
  return Object.hasOwn(TEXTS, name);
}

/** The help text of a command, without the end of its last line. */
export function helpText(topic: HelpTopic): string {
  return TEXTS[topic].trim();
}
