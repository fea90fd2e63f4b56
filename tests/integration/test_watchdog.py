"""The watchdog beats while every worker answers, and stops when one does not."""
# labels: threads tsan

from harness import SLOWNESS, TestCase, main, settings
from threads import stopped


class Watchdog(TestCase):
    def started(self):
        otto = self.otto(settings(self.demo(1), workers=2), watchdog=2 * SLOWNESS)
        otto.wait_healthy(1)
        return otto

    def test_beats(self):
        otto = self.started()
        at = 0
        for _ in range(5):
            at = otto.wait_note(at, WATCHDOG="^1$")[1] + 1

    def test_a_stuck_worker_stops_the_beats(self):
        otto = self.started()
        otto.wait_note(WATCHDOG="^1$")
        for worker in (0, 1):
            since = otto.log.mark()
            with stopped(otto.pid, f"otto-worker-{worker}"):
                marked = otto.mark_notes()
                otto.wait_for_log(r"worker \d has not responded", since)
                # One beat may be owed for an answer from before the stop; more must not come.
                late = [note for note in otto.notes.items(marked) if "WATCHDOG" in note]
                self.assertLessEqual(len(late), 1)
            otto.wait_note(otto.notes.mark(), WATCHDOG="^1$")
        self.assertEqual(otto.fetch().status, 200)

    def test_no_watchdog_without_systemds_wish(self):
        otto = self.otto(settings(self.demo(1)))
        otto.wait_healthy(1)
        otto.wait_status(1, 1)
        self.assertEqual([note for note in otto.notes.items() if "WATCHDOG" in note], [])


if __name__ == "__main__":
    main()
