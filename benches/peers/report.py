"""What run.py makes of the measured rows: do the answers agree, and the tables."""
from collections import defaultdict
from statistics import median

TITLES = {
    "w1": "W1 user-days with events and distinct features",
    "w2": "W2 daily, weekly and monthly active users per day",
    "w3": "W3 new, retained, resurrected and newly dormant users per week",
    "w4": "W4 monthly cohorts by months since",
    "w5": "W5 daily cohorts, days 0 to 30, classic and unbounded",
    "w6": "W6 usage of every account, 28 days and 84 before",
    "w7": "W7 tenures: at risk, churned and censored per day",
}
SWEEPS = ["w2", "w4", "w5"]  # what one reduction without features answers
DISTURBED = 0.12  # of the machine's processor time going to others during a run


def differences(rows):
    """One line per answer that is not everyone's; none if all agree."""
    givers = defaultdict(lambda: defaultdict(set))
    for row in rows:
        giver = f"{row['engine']} {row['form']}"
        if row["workload"] == "all":
            for workload, digest in zip(SWEEPS, row["digest"].split("-"), strict=True):
                givers[workload][digest].add(f"{giver} (all)")
        elif row["digest"] is not None:
            givers[row["workload"]][row["digest"]].add(giver)
    return [
        f"  {workload}: {digest} from {', '.join(sorted(who))}"
        for workload, digests in givers.items()
        if len(digests) > 1
        for digest, who in digests.items()
    ]


class Figures:
    """The medians of one workload in one form of one engine."""

    def __init__(self, engine, form, rows):
        self.name = f"{engine} {form}"
        self.engine, self.form = engine, form
        walls = [row["wall"] for row in rows]
        self.wall, self.fastest, self.slowest = median(walls), min(walls), max(walls)
        self.cpu = median(row["cpu"] for row in rows)
        self.peak = median(row["peak_mib"] for row in rows)

    def line(self):
        spread = f"{self.fastest:.3f} to {self.slowest:.3f}"
        figures = f"{self.wall:8.3f}  {spread:<16} {self.cpu:7.2f} {self.peak:9,.0f}"
        return f"  {self.engine:<10} {self.form:<15} {figures}"


HEADING = f"  {'engine':<10} {'form':<15} {'wall s':>8}  {'from, to':<16} {'cpu s':>7} {'peak MiB':>9}"


def figures_by_workload(rows):
    """Workload -> its figures, attrition's first and the peers' by wall time; answers from memory apart."""
    groups = defaultdict(list)
    for row in rows:
        place = "memory" if row["form"] == "memory" else row["workload"]
        # In memory every workload has the same form, so the workload stands in its place.
        form = row["workload"] if place == "memory" else row["form"]
        groups[place, row["engine"], form].append(row)
    figures = defaultdict(list)
    for (place, engine, form), members in groups.items():
        figures[place].append(Figures(engine, form, members))
    for members in figures.values():
        members.sort(key=lambda one: (one.engine != "attrition", one.wall))
    return figures


def show(rows):
    disturbed = sum(row["others"] > DISTURBED for row in rows)
    if disturbed:
        print(f"{disturbed} of {len(rows)} rows are of disturbed runs: others used over {DISTURBED:.0%} of the machine")
    figures = figures_by_workload(rows)
    ours = {place: members[0] for place, members in figures.items()}
    fastest, leanest = {}, {}
    for workload in (w for w in TITLES if w in figures):
        print(f"\n{TITLES[workload]}\n{HEADING}")
        for one in figures[workload]:
            print(one.line())
        peers = figures[workload][1:]
        fastest[workload] = min(peers, key=lambda peer: peer.wall)
        leanest[workload] = min(peers, key=lambda peer: peer.peak)

    print("\nPeer / attrition, of the medians above")
    print(f"  {'':<10} {'fastest peer':<24} {'wall':>7}   {'leanest peer':<24} {'peak':>7}")
    for workload, peer in fastest.items():
        lean = leanest[workload]
        wall, peak = peer.wall / ours[workload].wall, lean.peak / ours[workload].peak
        print(f"  {workload.upper():<10} {peer.name:<24} {wall:6.2f}x   {lean.name:<24} {peak:6.2f}x")

    if "all" in ours:
        walls = [fastest[workload].wall for workload in SWEEPS]
        cpu = sum(fastest[workload].cpu for workload in SWEEPS)
        print("\nOne reduction, then W2, W4 and W5, against the fastest peer of each")
        print(f"{HEADING}\n{ours['all'].line()}")
        print(f"  {'peers':<10} {'sum':<15} {sum(walls):8.3f}  {'':<16} {cpu:7.2f}")
        parts = " + ".join(f"{fastest[workload].name} {fastest[workload].wall:.3f}" for workload in SWEEPS)
        print(f"  {parts}\n  peers / attrition: {sum(walls) / ours['all'].wall:.2f}x")

    if "memory" in figures:
        print(f"\nAsked again of an Activity in memory\n{HEADING}")
        for one in sorted(figures["memory"], key=lambda one: one.form):
            print(one.line())

    print("\nAttrition / its floor, which is only to decode the columns it needs")
    for workload in [*TITLES, "all"]:
        floor = ours.get("decode4" if workload == "w1" else "decode")
        if workload in ours and floor:
            ratio = ours[workload].wall / floor.wall
            print(f"  {workload.upper():<4} {ours[workload].wall:8.3f} s / {floor.wall:.3f} s = {ratio:.2f}x")
