#!/usr/bin/env python3
"""Where the time of a transfer goes: CPU nanoseconds of the node by stage, from perf, under full load.

  stages.py [--batch N] [--window N] [--partitions N] [--cross-share S]

Needs Debian's linux-perf. `./dev build` first. Samples are put into stages by the name of the function they fell into;
what no pattern knows is "the rest". The client's time is its own CPU time over the same run.
"""
import argparse
import re
import resource
import subprocess
import tempfile
from pathlib import Path

from runs import ROOT, Bench, say

STAGES = [
    ("transaction ids: hash, filter, table", r"id_table|memory_put|memory_has|filter_|XXH|hash_uuid"),
    ("accounts and facts: decide, evolve", r"post_chunk|resolve|posting_|ledger_evolve|evolve_|core_|account_|decide"
                                           r"|ledger_post|settle_prefetch"),
    ("between partitions", r"link_|process_|ledger_peer|message_|send_credit|ledger_partition|fact_strings|settle|give_back"),
    ("decoding requests", r"wire_items|mp_read|text_|currency_find|item_"),
    ("encoding answers", r"wire_rows|wire_row|mp_put|mp_write"),
    ("checkpoint", r"checkpoint|chunk_put|pass_|put_add"),
    ("SHA-256 of commits", r"^0x|sha256|SHA256|EVP_"),
    ("copies in memory", r"memmove|memcpy|memset_"),
    ("kernel: fresh pages for cache and heap", r"clear_page|pi_memset|clear_huge|do_huge|folio_zero|alloc_pages|rmqueue"),
    ("kernel: files and the disk", r"copy_folio|ext4|jbd2|filemap|folio|blk_|submit_bio|virtio|iowrite|xas_|writeback|page_cache"),
    ("kernel: sockets", r"tcp_|_copy_to_iter|_copy_from_iter|skb|sock|inet|ip_"),
    ("kernel: waking and waiting", r"finish_task|_raw_spin|schedul|futex|wake|switch|softirq|hrtimer|poll"),
]
LINE = re.compile(r"\s*([0-9.]+)%\s+\[.\]\s+(\S+)")
CLOCK_TICK_S = 0.01


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * CLOCK_TICK_S


def shares(profile):
    """Percent of the node's CPU time by stage."""
    report = subprocess.run(["perf", "report", "-i", profile, "--no-children", "-g", "none", "--sort", "sym"],
                            capture_output=True, text=True, check=True).stdout
    total = {}
    for percent, symbol in LINE.findall(report):
        stage = next((name for name, pattern in STAGES if re.search(pattern, symbol)), "the rest")
        total[stage] = total.get(stage, 0) + float(percent)
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=8000)
    parser.add_argument("--window", type=int, default=16)
    parser.add_argument("--partitions", type=int, default=1)
    parser.add_argument("--cross-share", type=float, default=0)
    options = parser.parse_args()
    scratch = ROOT / "build" / "bench"
    bench = Bench(ROOT / "build" / "release" / "broker" / "teller", False, scratch)
    with bench.node(options.partitions) as node, tempfile.NamedTemporaryFile(dir=scratch) as profile:
        say("loading …")
        perf = subprocess.Popen(["perf", "record", "-q", "-F", "2000", "-g", "-o", profile.name, "-p",
                                 str(node.process.pid)], stderr=subprocess.DEVNULL)
        node_before, client_before = cpu_seconds(node.process.pid), resource.getrusage(resource.RUSAGE_CHILDREN)
        run = bench.load(node, batch=options.batch, window=options.window, cross_share=options.cross_share)
        node_after, client_after = cpu_seconds(node.process.pid), resource.getrusage(resource.RUSAGE_CHILDREN)
        perf.terminate()
        perf.wait()
        found = shares(profile.name)
    transfers = run["transfers_per_s"] * bench.seconds
    node_ns = (node_after - node_before) / transfers * 1e9
    client_ns = (client_after.ru_utime + client_after.ru_stime - client_before.ru_utime
                 - client_before.ru_stime) / transfers * 1e9
    print(f"{run['transfers_per_s']:,.0f} transfers/s, partitions {options.partitions}, batch {options.batch}, "
          f"window {options.window}, cross-share {options.cross_share}")
    print(f"\n{'stage':42}{'ns':>6}{'share':>9}")
    for stage, percent in sorted(found.items(), key=lambda item: -item[1]):
        print(f"{stage:42}{percent / 100 * node_ns:6.0f}{percent:8.1f} %")
    print(f"{'the node':42}{node_ns:6.0f}\n{'the client, all in':42}{client_ns:6.0f}")


if __name__ == "__main__":
    main()
