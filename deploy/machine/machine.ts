import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { boundCommand } from "../../runtime/base/bound-command.ts";
import { type Arch, imageOf } from "./image.ts";

export interface Output {
  code: number;
  stdout: string;
  stderr: string;
}

export interface BootOptions {
  arch: Arch;
  /** QEMU's name of the CPU: `cortex-a72` (Pi 4) or `cortex-a76` (Pi 5); left out, the first for arm64 and `max` for amd64. */
  cpu?: string | undefined;
}

const BOOT_LIMIT_MS = 600_000;
const COMMAND_LIMIT_MS = 600_000;
const STOP_LIMIT_MS = 120_000;
const POLL_MS = 50;
/** Where the guest sees what the host shares with it. */
const SHARE = "/share";
const DEFAULT_CPU = { arm64: "cortex-a72", amd64: "max" };

/**
 * An emulated Debian 13 under systemd (QEMU, TCG). Whatever it shows in time is no board's. It ends with this process.
 * Its disk is an overlay: the image never changes, and the disk outlives a power cut.
 */
export class Machine {
  readonly arch: Arch;
  readonly cpu: string;
  readonly #image: string;
  readonly #folder: string;
  #qemu: ChildProcess | undefined;
  #commands = 0;

  private constructor(options: BootOptions, image: string, folder: string) {
    this.arch = options.arch;
    this.cpu = options.cpu ?? DEFAULT_CPU[options.arch];
    this.#image = image;
    this.#folder = folder;
  }

  /** Builds the image where there is none yet. Fails with the end of the console when it does not come up. */
  static async boot(options: BootOptions): Promise<Machine> {
    const image = await imageOf(options.arch);
    const folder = await mkdtemp(join(tmpdir(), "sightline-machine-"));
    const machine = new Machine(options, image, folder);
    const disk = ["create", "-q", "-f", "qcow2", "-F", "raw", "-b", join(image, "root.ext4"), machine.#disk];
    await once(spawn(...boundCommand("qemu-img", disk), { stdio: "inherit" }), "exit");
    await machine.start();
    return machine;
  }

  /** Boots from the disk as it is: after `powerCut` or `stop`, and at first. */
  async start(): Promise<void> {
    await rm(join(this.#share, ".run"), { recursive: true, force: true });
    const mkdir = `mkdir -p ${this.#share}/.run && rm -f ${this.#pipe}.* && mkfifo ${this.#pipe}.in ${this.#pipe}.out`;
    await once(spawn("sh", ["-c", mkdir], { stdio: "inherit" }), "exit");
    const log = await open(join(this.#folder, "qemu.log"), "a");
    this.#qemu = spawn(...boundCommand(...this.#command()), { stdio: ["ignore", log.fd, log.fd] });
    await log.close();
    await this.#until(() => this.#exists(".run/ready"), BOOT_LIMIT_MS, "it did not come up");
  }

  /** Runs a line of bash as root. Fails when the machine ends meanwhile, or after `limitMs`. */
  async run(command: string, limitMs = COMMAND_LIMIT_MS): Promise<Output> {
    const name = `c${++this.#commands}`;
    const folder = join(this.#share, ".run", name);
    await once(spawn("mkdir", ["-m", "755", folder]), "exit");
    await writeFile(join(folder, "cmd"), `${command}\n`);
    await writeFile(`${this.#pipe}.in`, `${name}\n`);
    await this.#until(() => this.#exists(`.run/${name}/rc`), limitMs, `no end of: ${command}`);
    const read = (file: string) => readFile(join(folder, file), "utf8");
    return { code: Number(await read("rc")), stdout: await read("out"), stderr: await read("err") };
  }

  /** As `run`, for commands that have to succeed; gives standard output. */
  async ok(command: string, limitMs?: number): Promise<string> {
    const { code, stderr, stdout } = await this.run(command, limitMs);
    if (code === 0) return stdout;
    throw new Error(`in the machine, ${command}\nended with ${code}:\n${stdout}${stderr}`);
  }

  /** Copies a file or folder of the host into the machine and gives its path there. */
  async push(path: string): Promise<string> {
    await cp(path, join(this.#share, basename(path)), { recursive: true });
    return join(SHARE, basename(path));
  }

  /** Copies a file of the machine to the host. */
  async pull(path: string, to: string): Promise<void> {
    await this.ok(`cp ${path} ${SHARE}/.pulled`);
    await cp(join(this.#share, ".pulled"), to);
  }

  /** Ends it as a power cut does: what was not written through is gone. */
  async powerCut(): Promise<void> {
    const qemu = this.#qemu;
    this.#qemu = undefined;
    if (!qemu || qemu.exitCode !== null || qemu.signalCode !== null) return;
    qemu.kill("SIGKILL");
    await once(qemu, "exit");
  }

  /** Powers it off in order and removes its disk. */
  async stop(): Promise<void> {
    const qemu = this.#qemu;
    if (qemu?.exitCode === null && qemu.signalCode === null) {
      const ended = once(qemu, "exit");
      void this.run("systemctl poweroff --no-block").catch(() => {});
      await Promise.race([ended, wait(STOP_LIMIT_MS, undefined, { ref: false })]);
    }
    await this.powerCut();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** The end of what the kernel and systemd have printed. */
  async console(): Promise<string> {
    const text = await readFile(join(this.#folder, "console.log"), "utf8").catch(() => "");
    return text.slice(-4_000);
  }

  get #share(): string {
    return join(this.#folder, "share");
  }

  get #disk(): string {
    return join(this.#folder, "disk.qcow2");
  }

  get #pipe(): string {
    return join(this.#folder, "ctl");
  }

  async #exists(path: string): Promise<boolean> {
    const text = await readFile(join(this.#share, path), "utf8").catch(() => "");
    return text !== "";
  }

  async #until(isSo: () => Promise<boolean>, limitMs: number, otherwise: string): Promise<void> {
    const endMs = performance.now() + limitMs;
    while (!(await isSo())) {
      const hasEnded = this.#qemu?.exitCode !== null || this.#qemu.signalCode !== null;
      if (hasEnded || performance.now() > endMs) {
        const how = hasEnded ? "the machine has ended" : `not within ${limitMs / 1_000} s`;
        const log = await readFile(join(this.#folder, "qemu.log"), "utf8").catch(() => "");
        throw new Error(`emulated ${this.arch}: ${otherwise} (${how})\n${log}\n${await this.console()}`);
      }
      await wait(POLL_MS);
    }
  }

  #command(): [string, string[]] {
    const isArm = this.arch === "arm64";
    const kernel = [
      `root=/dev/vda ro console=${isArm ? "ttyAMA0" : "ttyS0"}`,
      "net.ifnames=0 panic=5 quiet systemd.show_status=no",
    ].join(" ");
    const devices = [
      ["-drive", `if=none,id=d,file=${this.#disk},format=qcow2,cache=writeback`],
      ["-device", "virtio-blk-pci,drive=d"],
      // The guest reaches nothing outside.
      ["-netdev", "user,id=n,restrict=on", "-device", "virtio-net-pci,netdev=n,romfile="],
      ["-device", "virtio-serial-pci", "-chardev", `pipe,id=ctl,path=${this.#pipe}`],
      ["-device", "virtserialport,chardev=ctl,name=ctl", "-device", "virtio-rng-pci"],
      ["-virtfs", `local,path=${this.#share},mount_tag=share,security_model=none,multidevs=remap`],
      ["-serial", `file:${join(this.#folder, "console.log")}`],
    ].flat();
    return [
      isArm ? "qemu-system-aarch64" : "qemu-system-x86_64",
      [
        ...["-M", isArm ? "virt" : "q35", "-cpu", this.cpu, "-smp", "2", "-m", "1536"],
        // Never KVM: where it is offered to a machine that is itself virtual, guests were seen to hang.
        ...["-accel", "tcg,thread=multi", "-display", "none", "-nodefaults", "-no-reboot"],
        ...["-kernel", join(this.#image, "vmlinuz"), "-initrd", join(this.#image, "initrd.gz")],
        ...["-append", kernel, ...devices],
      ],
    ];
  }
}
