"""Nouns (or adjectives) and verbs that are written alike: `word: noun / verb`, from the variants in CMUdict."""

from typing import Final

NOUN_OR_VERB: Final = """
    abuse: AH0 B Y UW1 S / AH0 B Y UW1 Z
    address: AE1 D R EH2 S / AH0 D R EH1 S
    advocate: AE1 D V AH0 K AH0 T / AE1 D V AH0 K EY2 T
    alternate: AO1 L T ER0 N AH0 T / AO1 L T ER0 N EY2 T
    animate: AE1 N AH0 M AH0 T / AE1 N AH0 M EY2 T
    appropriate: AH0 P R OW1 P R IY0 AH0 T / AH0 P R OW1 P R IY0 EY2 T
    articulate: AA0 R T IH1 K Y AH0 L AH0 T / AA0 R T IH1 K Y AH0 L EY2 T
    associate: AH0 S OW1 S IY0 AH0 T / AH0 S OW1 S IY0 EY2 T
    attribute: AE1 T R AH0 B Y UW2 T / AH0 T R IH1 B Y UW2 T
    combine: K AA1 M B AY0 N / K AH0 M B AY1 N
    compact: K AA1 M P AE0 K T / K AH0 M P AE1 K T
    compound: K AA1 M P AW0 N D / K AH0 M P AW1 N D
    conduct: K AA1 N D AH0 K T / K AH0 N D AH1 K T
    conflict: K AA1 N F L IH0 K T / K AH0 N F L IH1 K T
    contest: K AA1 N T EH0 S T / K AH0 N T EH1 S T
    contract: K AA1 N T R AE2 K T / K AH0 N T R AE1 K T
    contrast: K AA1 N T R AE0 S T / K AH0 N T R AE1 S T
    converse: K AA1 N V ER0 S / K AH0 N V ER1 S
    convict: K AA1 N V IH0 K T / K AH0 N V IH1 K T
    coordinate: K OW0 AO1 R D AH0 N AH0 T / K OW0 AO1 R D AH0 N EY2 T
    decrease: D IY1 K R IY2 S / D IH0 K R IY1 S
    defect: D IY1 F EH0 K T / D IH0 F EH1 K T
    delegate: D EH1 L AH0 G AH0 T / D EH1 L AH0 G EY2 T
    deliberate: D IH0 L IH1 B ER0 AH0 T / D IH0 L IH1 B ER0 EY2 T
    desert: D EH1 Z ER0 T / D IH0 Z ER1 T
    discharge: D IH1 S CH AA2 R JH / D IH0 S CH AA1 R JH
    discount: D IH1 S K AW0 N T / D IH0 S K AW1 N T
    duplicate: D UW1 P L AH0 K AH0 T / D UW1 P L AH0 K EY2 T
    elaborate: IH0 L AE1 B R AH0 T / IH0 L AE1 B ER0 EY2 T
    escort: EH1 S K AO0 R T / EH0 S K AO1 R T
    estimate: EH1 S T AH0 M AH0 T / EH1 S T AH0 M EY2 T
    excuse: IH0 K S K Y UW1 S / IH0 K S K Y UW1 Z
    export: EH1 K S P AO0 R T / IH0 K S P AO1 R T
    extract: EH1 K S T R AE2 K T / IH0 K S T R AE1 K T
    graduate: G R AE1 JH AH0 W AH0 T / G R AE1 JH AH0 W EY2 T
    house: HH AW1 S / HH AW1 Z
    import: IH1 M P AO2 R T / IH2 M P AO1 R T
    increase: IH1 N K R IY2 S / IH2 N K R IY1 S
    insult: IH1 N S AH2 L T / IH2 N S AH1 L T
    intimate: IH1 N T AH0 M AH0 T / IH1 N T AH0 M EY2 T
    moderate: M AA1 D ER0 AH0 T / M AA1 D ER0 EY2 T
    object: AA1 B JH EH0 K T / AH0 B JH EH1 K T
    perfect: P ER1 F IH2 K T / P ER0 F EH1 K T
    permit: P ER1 M IH2 T / P ER0 M IH1 T
    pervert: P ER1 V ER0 T / P ER0 V ER1 T
    present: P R EH1 Z AH0 N T / P R IY0 Z EH1 N T
    progress: P R AA1 G R EH2 S / P R AH0 G R EH1 S
    project: P R AA1 JH EH0 K T / P R AH0 JH EH1 K T
    protest: P R OW1 T EH2 S T / P R AH0 T EH1 S T
    rebel: R EH1 B AH0 L / R IH0 B EH1 L
    record: R EH1 K ER0 D / R IH0 K AO1 R D
    refund: R IY1 F AH2 N D / R IH0 F AH1 N D
    reject: R IY1 JH EH0 K T / R IH0 JH EH1 K T
    relay: R IY1 L EY2 / R IY0 L EY1
    segment: S EH1 G M AH0 N T / S EH2 G M EH1 N T
    separate: S EH1 P ER0 IH0 T / S EH1 P ER0 EY2 T
    subject: S AH1 B JH IH0 K T / S AH0 B JH EH1 K T
    subordinate: S AH0 B AO1 R D AH0 N AH0 T / S AH0 B AO1 R D AH0 N EY2 T
    survey: S ER1 V EY2 / S ER0 V EY1
    suspect: S AH1 S P EH2 K T / S AH0 S P EH1 K T
    torment: T AO1 R M EH2 N T / T AO0 R M EH1 N T
    transfer: T R AE1 N S F ER0 / T R AE0 N S F ER1
    transport: T R AE1 N S P AO0 R T / T R AE0 N S P AO1 R T
    upset: AH1 P S EH2 T / AH0 P S EH1 T
"""
NOUNS_OR_VERB: Final = """
    abuses: AH0 B Y UW1 S IH0 Z / AH0 B Y UW1 Z IH0 Z
    conducts: K AA1 N D AH0 K T S / K AH0 N D AH1 K T S
    conflicts: K AA1 N F L IH0 K T S / K AH0 N F L IH1 K T S
    contracts: K AA1 N T R AE2 K T S / K AH0 N T R AE1 K T S
    decreases: D IY1 K R IY2 S IH0 Z / D IH0 K R IY1 S IH0 Z
    delegates: D EH1 L AH0 G AH0 T S / D EH1 L AH0 G EY2 T S
    estimates: EH1 S T AH0 M AH0 T S / EH1 S T AH0 M EY2 T S
    excuses: IH0 K S K Y UW1 S IH0 Z / IH0 K S K Y UW1 Z IH0 Z
    imports: IH1 M P AO2 R T S / IH2 M P AO1 R T S
    increases: IH1 N K R IY2 S IH0 Z / IH2 N K R IY1 S IH0 Z
    lives: L AY1 V Z / L IH1 V Z
    objects: AA1 B JH EH0 K T S / AH0 B JH EH1 K T S
    permits: P ER1 M IH2 T S / P ER0 M IH1 T S
    presents: P R EH1 Z AH0 N T S / P R IY0 Z EH1 N T S
    projects: P R AA1 JH EH0 K T S / P R AH0 JH EH1 K T S
    rebels: R EH1 B AH0 L Z / R IH0 B EH1 L Z
    records: R EH1 K ER0 D Z / R IH0 K AO1 R D Z
    subjects: S AH1 B JH IH0 K T S / S AH0 B JH EH1 K T S
    suspects: S AH1 S P EH2 K T S / S AH0 S P EH1 K T S
    tears: T IH1 R Z / T EH1 R Z
    transports: T R AE1 N S P AO0 R T S / T R AE0 N S P AO1 R T S
    uses: Y UW1 S IH0 Z / Y UW1 Z IH0 Z
"""
