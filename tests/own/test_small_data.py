"""Small and awkward data: if check-data passes them, they can be trained, predicted and scored."""

import pytest
from run_cases import picture
from small_study import check, run


def in_folders(**counts):
    """Pictures in each label's folder, no two alike."""

    def make(folder):
        number = 0
        for label, count in counts.items():
            (folder / label).mkdir(parents=True)
            for _ in range(count):
                number += 1
                picture(number, (60, 50)).save(folder / label / f"{number}.png")

    return make


def in_table(names, code, count=20, size=(60, 50)):
    """A table of codes: `code` of a picture's and a label's number."""

    def make(folder):
        lines = [",".join(["image", *names])]
        for row in range(count):
            picture(row, size).save(folder / f"{row}.png")
            codes = [str(code(row, column)) for column in range(len(names))]
            lines.append(",".join([f"{row}.png", *codes]))
        (folder / "labels.csv").write_text("\n".join(lines) + "\n")

    return make


SOUND = {  # what makes the data, and a remark on them
    "labels without a word": (in_folders(**{"-": 8, "_": 8, "$": 8}), "tune images show"),
    "one label": (in_folders(cat=12), "fewer than 5 tune images show cat (2): their thresholds"),
    "three pictures of a label": (
        in_folders(cat=12, dog=3),
        "fewer than 5 report images show cat (3), dog (1): their average precision is unreliable",
    ),
    "two pictures of each": (
        in_folders(cat=2, dog=2),
        "there are no tune images: the last epoch is kept and probabilities are not calibrated",
    ),
    "difficult ones alone to tune": (
        in_table(["cat", "dog"], lambda row, column: -1 if row % 7 else 1),
        "fewer than 5 tune images show cat (0), dog (0)",
    ),
    "labels that are always there": (
        in_table(["cat", "dog"], lambda row, column: 1),
        "cat and dog are on exactly the same images",
    ),
    "pictures of one pixel": (
        in_table(["cat", "dog"], lambda row, column: int(row % 2 == column), size=(1, 1)),
        "20 images have a side under 32 pixels",
    ),
    "names of metrics, and text that looks like numbers": (
        in_table(["mAP", "AP:dog", "007", "null"], lambda row, column: int(row % 4 == column)),
        "fewer than 5 report images show mAP (1), AP:dog (1), 007 (1) and 1 more",
    ),
}


@pytest.mark.parametrize(("make", "said"), SOUND.values(), ids=[*SOUND])
def test_data_that_pass_the_check_pass_the_workflow(make, said, tmp_path, capsys):
    (tmp_path / "data").mkdir()
    make(tmp_path / "data")
    config = tmp_path / "data.yaml"
    code, found, text = check(tmp_path / "data", config, capsys)
    assert code == 0 and found["problems"] == [], text
    assert said in text and text.endswith("No problem found.\n")
    made = run(config, tmp_path / "made")
    assert made["scores"]["labels"] == [*found["labels"]]
    assert made["scores"]["map"]["non_interpolated"] > 0
    assert made["csv"].count("reproduced") == 5 + 1  # its metrics, and the header


AMISS = {
    "a label of one picture": (
        in_folders(cat=12, eel=1),
        "PROBLEM: no report image shows eel, so it cannot be measured",
    ),
    "no label anywhere": (
        in_table(["cat", "dog"], lambda row, column: 0),
        "PROBLEM: no fit image shows cat, dog, so they cannot be learnt",
    ),
    "two pictures": (
        in_folders(cat=1, dog=1),
        "PROBLEM: the parts train and test cannot be drawn from 2 images; add images, or name",
    ),
}


@pytest.mark.parametrize(("make", "said"), AMISS.values(), ids=[*AMISS])
def test_data_that_a_later_step_refuses_are_a_problem(make, said, tmp_path, capsys):
    (tmp_path / "data").mkdir()
    make(tmp_path / "data")
    code, _, text = check(tmp_path / "data", tmp_path / "data.yaml", capsys)
    assert code == 1 and said in text and "No problem" not in text


def test_a_task_that_hides_labels_is_checked_too(tmp_path, capsys):
    (tmp_path / "data").mkdir()
    in_folders(cat=12, dog=12)(tmp_path / "data")
    config = tmp_path / "data.yaml"
    check(tmp_path / "data", config, capsys)
    for share, code in (("partial-10", 1), ("partial-70", 0)):
        table = {"rows": ["baseline"], "task": share}
        (tmp_path / f"{share}.yaml").write_text(f"{config.read_text()}own_table: {table}\n")
        assert check(tmp_path / f"{share}.yaml", tmp_path / f"{share}.yaml", capsys)[0] == code
        made = run(config, tmp_path / share, own_table=table)
        assert made["scores"]["labels"] == ["cat", "dog"]
    text = check(tmp_path / "partial-10.yaml", tmp_path / "partial-10.yaml", capsys)[2]
    assert "PROBLEM: task partial-10: no fit image is known to show " in text


def test_without_positives_the_table_and_its_page_are_empty(tmp_path, capsys):
    (tmp_path / "data").mkdir()
    in_table(["cat", "dog"], lambda row, column: 0)(tmp_path / "data")
    check(tmp_path / "data", tmp_path / "x.yaml", capsys)
    made = run(tmp_path / "x.yaml", tmp_path / "made")
    assert made["scores"]["map"]["non_interpolated"] is None
    name = "EfficientNet-Lite0, linear (average pooling)"
    assert f"| {name} | here |  |  |" in made["md"]
    ((row,),) = [part.rows for part in made["sheet"].parts]  # the report shows it as it is
    assert row.title == name and {cell.here for cell in row.cells} == {""}
