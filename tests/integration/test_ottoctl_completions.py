"""The completions of ottoctl and its manual know what ottoctl knows; each shell is asked for real."""

import os
import re
import subprocess

from ctl import CtlCase
from fake_admin import server
from harness import PATIENCE, main

SOURCE = os.environ["OTTO_SOURCE_DIR"]
FOLDER = os.path.join(SOURCE, "etc", "completions")
ALWAYS = {"--help", "--json", "--socket"}


class Completions(CtlCase):
    def setUp(self):
        self.socket = "/nowhere"
        # The shells find ottoctl by its name.
        self.bin = self.folder()
        os.symlink(os.environ["OTTOCTL"], os.path.join(self.bin, "ottoctl"))
        told = self.ctl("--help").out
        self.commands = re.findall(r"^  ([a-z-]+) ", told.split("Subcommands:")[1], re.M)
        self.assertIn("drain", self.commands)

    def path(self):
        return {"PATH": self.bin + ":" + os.environ["PATH"], "HOME": self.folder()}

    def options(self, command):
        """All that `ottoctl COMMAND` takes."""
        return set(re.findall(r"--[a-z-]+", self.ctl(command, "--help").out)) | ALWAYS

    def run_shell(self, *arguments):
        ran = subprocess.run(arguments, env=self.path(), stdin=subprocess.DEVNULL, text=True,
                             capture_output=True, timeout=PATIENCE, check=True)
        self.assertEqual(ran.stderr, "")
        return ran.stdout

    def bash(self, *lines):
        """What can follow each of these lines."""
        script = f"source {FOLDER}/ottoctl.bash\n"
        for line in lines:
            words = line.split(" ")
            script += (f"COMP_WORDS=({' '.join(word or repr('') for word in words)})\n"
                       f"COMP_CWORD={len(words) - 1}\n_ottoctl\necho \"${{COMPREPLY[*]}}\"\n")
        told = self.run_shell("bash", "--norc", "-c", script).splitlines()
        return [set(line.split()) for line in told]

    def test_bash_on_a_terminal(self):
        """Readline breaks words at colons, and puts in what the function answers."""
        self.served()
        shell = self.on_terminal(columns=200, command=["bash", "--norc", "-i"], **self.path(),
                                 TERM="dumb", PS1="ready> ")
        shell.press(f"source {FOLDER}/ottoctl.bash\n")
        for typed, line in (("http://1", "http://127.0.0.1:6002 "),
                            ("one http://127.0.0.1:6", "one http://127.0.0.1:6002 "), ("on", "one ")):
            mark = len(shell.raw)
            shell.press(f"ottoctl --socket {self.socket} drain {typed}\t")
            shell.wait_raw(f"drain {line}$", mark)
            shell.press("\x15echo bro''om\n")
            shell.wait_raw(r"broom\n(.*\n)*ready> $", mark)
        shell.press("exit\n")
        shell.process.wait(PATIENCE)

    def fish(self, *lines):
        script = f"source {FOLDER}/ottoctl.fish\n"
        for line in lines:
            script += f"complete -C '{line}'\necho =\n"
        told = self.run_shell("fish", "--no-config", "-c", script).split("=\n")[:-1]
        return [{line.split("\t")[0] for line in part.splitlines()} for part in told]

    def served(self):
        fake = self.faked()
        fake.answers["GET /api/v1/servers"] = 200, {"servers": [
            server("0123456789abcdef", "one", url="http://localhost:5001"),
            server("123456789abcdef0", "http://127.0.0.1:6002", url="http://127.0.0.1:6002")]}
        return fake

    def test_bash(self):
        first, drain, *all_options = self.bash(
            "ottoctl ", "ottoctl dr", *(f"ottoctl {command} --" for command in self.commands))
        self.assertEqual((first, drain), (set(self.commands), {"drain"}))
        for command, options in zip(self.commands, all_options, strict=True):
            self.assertEqual(options, self.options(command), command)
        sorts, after = self.bash("ottoctl top --sort ", "ottoctl --json dr")
        self.assertEqual(sorts, self.sorts())
        self.assertEqual(after, {"drain"})

    def test_fish(self):
        first, drain, *all_options = self.fish(
            "ottoctl ", "ottoctl dr", *(f"ottoctl {command} --" for command in self.commands))
        self.assertEqual((first, drain), (set(self.commands), {"drain"}))
        for command, options in zip(self.commands, all_options, strict=True):
            self.assertEqual(options, self.options(command), command)
        self.assertEqual(self.fish("ottoctl top --sort ")[0], self.sorts())

    def sorts(self):
        return set(re.search(r"\{(order,[a-z0-9,]+)\}", self.ctl("top", "--help").out)[1].split(","))

    def zsh(self):
        """An interactive one: its completion needs that."""
        dump = os.path.join(self.folder(), "dump")
        shell = self.on_terminal(columns=200, lines=60, command=["zsh", "-f", "-i"],
                                 **self.path(), TERM="dumb")
        shell.press(f"PS1='ready''> '; fpath=({FOLDER} $fpath); LISTMAX=1000; unsetopt prompt_sp\n"
                    f"autoload -Uz compinit; compinit -u -d {dump}; echo com''plete\n")
        shell.wait_raw(r"complete\n(.*\n)*ready> $")
        return shell

    def typed(self, shell, line, expected):
        mark = len(shell.raw)
        shell.press(line)
        told = shell.wait_raw(expected, mark)
        shell.press("\x15echo bro''om\n")
        shell.wait_raw(r"broom\n(.*\n)*ready> $", mark)
        return told

    def test_zsh(self):
        shell = self.zsh()
        self.typed(shell, "ottoctl dr\t", r"ottoctl drain ")
        self.typed(shell, "ottoctl drain --fo\t", r"--force ")
        self.typed(shell, "ottoctl events --li\t", r"--lines ")
        self.typed(shell, "ottoctl top --sort ret\t", r"retries ")
        told = self.typed(shell, "ottoctl \t", r"weight +-- [^\n]*\n")
        for command in self.commands:
            self.assertRegex(told, rf"\b{command} +-- ")
        for command in self.commands:
            told = self.typed(shell, f"ottoctl {command} --\t", r"--socket +-- [^\n]*\n(.*\n)*.*--$")
            self.assertEqual(set(re.findall(r"^(--[a-z-]+) +--", told, re.M)), self.options(command))
        shell.press("exit\n")
        shell.process.wait(PATIENCE)

    def test_servers(self):
        self.served()
        # The completions ask the socket that is on the command line, or the default one.
        everything, second, after = self.bash(
            f"ottoctl --socket {self.socket} drain ", f"ottoctl --socket {self.socket} drain one o",
            f"ottoctl --socket {self.socket} drain http : //127.0.0.1 : 6")
        self.assertEqual(everything, {"one", "http://localhost:5001", "http://127.0.0.1:6002"})
        self.assertEqual((second, after), ({"one"}, {"6002"}))
        told = self.ctl("servers", "--json").out
        for name in ("_ottoctl", "ottoctl.fish"):
            with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
                self.assertRegex(file.read(), r'"\((\?:)?name\|url\)": "')
        self.assertRegex(told, r'"name": "one"')

    def test_the_manual(self):
        with open(os.path.join(SOURCE, "man", "ottoctl.1"), encoding="utf-8") as file:
            manual = file.read()
        for command in self.commands:
            entry = re.search(rf"^\.It Cm {command}\b.*", manual, re.M)
            self.assertTrue(entry, command)
            for option in self.options(command) - ALWAYS:
                self.assertIn(f"Fl {option[1:]}", entry[0], f"{command} {option}")


if __name__ == "__main__":
    main()
