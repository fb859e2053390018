# Functions for the rules of 04_inputs.smk.

DETECTOR = DETECTORS["of_study"].get(BOOK.size.like or STUDY)
if DETECTOR is None:
    raise WorkflowError(
        f"workflow/config/detectors.yaml: of_study names no detector for {STUDY}; add"
        f" `{STUDY}: light`, or the one that it shall use"
    )

CUT = "-before_last_"  # in the name of features that the stages after it go on from


def view_parts(wildcards):
    """Flipped and other views for training do not include the reported images."""
    parts = dataset(wildcards).parts
    both = wildcards.view in ("plain", "centre")
    return json.dumps([parts.train, *([parts.report] if both else [])])


def encoder_settings(wildcards):
    """All settings that the features depend on."""
    name, _, last = wildcards.encoder.partition(CUT)
    found = {
        "name": name,
        "weights": BOOK.usual.encoder.weights,
        "view": wildcards.view,
        "size": int(wildcards.size),
    }
    return json.dumps(found | ({"last_stages": int(last)} if last else {}))


def embedding(wildcards):
    """Labels without word vectors are allowed in the user's own data only."""
    entry = dataset(wildcards)
    options = {"aliases": entry.aliases, "multiword": "mean", "case": "lower"}
    return json.dumps(options | {"missing": "drawn" if entry.folder else "refused"})


def glove(wildcards):
    """The folder of the word vectors. Drawn ones have only the words of the drawn datasets."""
    origin = "official" if dataset(wildcards).folder else ORIGIN
    return f"data/raw/{origin}/glove"


def word_index(wildcards):
    """The source of the word vectors: the index of that folder or of a file, or nothing."""
    chosen = dataset(wildcards).vectors
    if chosen == "glove":
        return f"{glove(wildcards)}.json"
    return [] if chosen is None else f"data/raw/own/{wildcards.dataset}-vectors.json"


def word_option(wildcards):
    """The same, as an argument of the step."""
    chosen = dataset(wildcards).vectors
    file = f"{glove(wildcards)}/glove.6B.300d.txt" if chosen == "glove" else chosen
    return [] if file is None else [f"--vectors={file}"]


def detector_settings(wildcards):
    return json.dumps(
        {block: DETECTORS["light"][block] for block in ("network", "learn")}
    )


def proposal_settings(wildcards):
    kinds = DETECTORS[DETECTOR]["propose"]
    if wildcards.kind not in kinds:
        raise WorkflowError(
            f"study {STUDY} has no regions of the kind {wildcards.kind}: its detector, {DETECTOR},"
            f" finds {', '.join(kinds)}"
        )
    return json.dumps(kinds[wildcards.kind])


def regions_source(wildcards):
    """The index of the user's boxes, or the weights of the study's detector."""
    if wildcards.dataset in OWN_BOXES:
        return f"data/raw/own/{wildcards.dataset}-boxes.json"
    if DETECTOR != "light":
        return DETECTORS[DETECTOR]["weights"]
    other = DETECTORS["trained_on"].get(wildcards.dataset, wildcards.dataset)
    return DETECTED.format(dataset=other)


def regions_option(wildcards):
    if wildcards.dataset in OWN_BOXES:
        return [f"--boxes={OWN_BOXES[wildcards.dataset]}"]
    return [f"--detector={regions_source(wildcards)}"]


def regions(wildcards):
    """The regions of a run, if its method uses any."""
    method = wildcards.system.partition("@")[0]
    if "regions" not in BOOK.method(method).inputs:
        return []
    kind = DETECTORS[DETECTOR]["kinds"][method]
    return [REGIONS.format(dataset=wildcards.dataset, kind=kind)]


def image_inputs(views, size):
    """Where images come from: the index of each cached view, or of the raw folder, and weights."""

    def files(wildcards):
        training = settings(wildcards).training
        encoder = training.encoder
        if not encoder.cached:
            weights = encoder.weights not in (None, "imagenet")
            return [
                f"{raw(wildcards)}.json",
                *([encoder.weights] if weights else []),
            ]
        chosen, last = views(training), encoder.last_stages
        names = {
            "encoder": encoder.name + (f"{CUT}{last}" if last else ""),
            "size": getattr(encoder, size),
            "dataset": wildcards.dataset,
        }
        return [f"{FEATURES}.json".format(view=view, **names) for view in chosen]

    return files


def grids(files):
    """The features themselves. They are large; the index has their checksum."""
    return lambda wildcards: [
        path.replace(".json", ".npy")
        for path in files(wildcards)
        if "/features/" in path
    ]


def image_options(files):
    """The same, as arguments of a step."""

    def options(wildcards):
        found = files(wildcards)
        cached = "/features/" in found[0]
        boxes = [f"--regions={path}" for path in regions(wildcards)]
        images = ["--features", *found] if cached else [f"--images={raw(wildcards)}"]
        return images + boxes

    return options


train_images = image_inputs(lambda chosen: chosen.train.views, "size")
test_images = image_inputs(lambda chosen: [chosen.encoder.test_view], "test_size")
