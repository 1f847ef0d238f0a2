"""DICOM, HEIC and 16-bit pictures: only with a window that is said, and nothing of a patient in what comes out."""

import io
import sys
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pillow_heif import from_pillow
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from hf_etc import EncryptImages, EtcCipher, EtcKey, Preparation, load_rgb, read_ciphertext
from hf_etc.audit.pictures import read_pictures
from hf_etc.cipher import EtcSpec
from hf_etc.cli import main
from hf_etc.data.pictures import picture_in
from hf_etc.errors import ImageError, MissingExtraError, NotACiphertextError, ParameterError
from hf_etc.images.load import open_image
from hf_etc.images.window import limits

from ..helpers import gradient

PATIENT = "Doe^Jane"


def dicom(values, **tags):
    """A DICOM file of these stored values, (H,W) or (H,W,3), of a patient with a name."""
    dataset, meta = Dataset(), FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = "1.2.3"
    dataset.file_meta, dataset.PatientName, dataset.PatientID = meta, PATIENT, "4711-0815"
    dataset.Rows, dataset.Columns = values.shape[:2]
    dataset.SamplesPerPixel = 3 if values.ndim == 3 else 1
    dataset.PhotometricInterpretation = "RGB" if values.ndim == 3 else "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8 * values.dtype.itemsize
    dataset.PixelRepresentation = int(values.dtype.kind == "i")
    if values.ndim == 3:
        dataset.PlanarConfiguration = 0
    for name, value in tags.items():
        setattr(dataset, name, value)
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelData = values.tobytes()
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def sixteen(values, format="PNG"):
    file = io.BytesIO()
    Image.fromarray(np.asarray(values, np.uint16)).save(file, format)
    return file.getvalue()


def row(source, window=None):
    return np.asarray(load_rgb(source, window))[0, :, 1].tolist()


VALUES = np.array([[0, 100, 1000, 2000, 4095]], np.uint16)
HOUNSFIELD = {"RescaleSlope": 1, "RescaleIntercept": -1000, "WindowCenter": [0, 40], "WindowWidth": [2001, 400]}


@pytest.mark.parametrize(
    ("text", "ends"),
    [("0:4095", (0, 4095)), ("40/400", (-160, 240)), ("-1000:400.5", (-1000, 400.5)), ("full", None), ("dicom", None)],
)
def test_windows_are_written_in_four_ways(text, ends):
    assert limits(text) == ends and Preparation(window=text).window == text


@pytest.mark.parametrize("text", ["", "auto", "4095", "9:9", "40/0", "400/-40", "1:2:3", "nan:1", 7])
def test_what_is_no_window_is_refused(text):
    with pytest.raises(ParameterError, match=r"^window "):
        Preparation(window=text)


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bits_need_a_window(format):
    file = sixteen(VALUES, format)
    with pytest.raises(ImageError, match=r"16 bits per pixel, and nothing says .*--window 0:4095") as error:
        load_rgb(file)
    assert "\n" not in str(error.value)
    assert row(file, "0:4095") == [0, 6, 62, 125, 255]
    assert row(file, "1000/1800") == [0, 0, 128, 255, 255]
    assert row(file, "full") == [0, 0, 3, 7, 15]
    with pytest.raises(ImageError, match="not a DICOM file"):
        load_rgb(file, "dicom")


def test_eight_bits_need_none_and_are_left_as_they_are():
    picture = gradient(4, 6)
    assert np.array_equal(np.asarray(load_rgb(Image.fromarray(picture), "0:10")), picture)


def test_a_dicom_file_is_read_by_a_window_in_units_of_its_modality():
    file = dicom(VALUES, **HOUNSFIELD)
    with pytest.raises(ImageError, match="16 bits per pixel, and nothing says"):
        load_rgb(file)
    assert row(file, "-1000:3095") == row(sixteen(VALUES), "0:4095")
    assert row(file, "0/2000") == [0, 13, 128, 255, 255]
    assert row(file, "full") == row(sixteen(VALUES), "full")
    assert row(dicom(VALUES, BitsStored=12), "full") == [0, 6, 62, 125, 255]
    assert row(dicom(VALUES.astype(np.int16) - 2048, BitsStored=16), "full") == [120, 120, 123, 127, 135]


def test_the_window_of_the_file_is_taken_only_by_name():
    assert row(dicom(VALUES, **HOUNSFIELD), "dicom") == [0, 13, 128, 255, 255]  # the first of two
    assert row(dicom(VALUES, **HOUNSFIELD, VOILUTFunction="SIGMOID"), "dicom") == [30, 36, 128, 225, 254]
    exact = HOUNSFIELD | {"WindowWidth": 2000, "VOILUTFunction": "LINEAR_EXACT"}
    assert row(dicom(VALUES, **exact), "dicom") == row(dicom(VALUES, **HOUNSFIELD), "0/2000")
    with pytest.raises(ImageError, match="names no window of its own; give one, such as --window 40/400"):
        load_rgb(dicom(VALUES), "dicom")


def test_the_table_of_the_file_comes_first():
    table = Dataset()
    table.LUTDescriptor, table.LUTData = [4096, 0, 16], np.arange(0, 65536, 16, np.uint16)[::-1].tobytes()
    file = dicom(VALUES, VOILUTSequence=[table], **HOUNSFIELD | {"RescaleIntercept": 0})
    assert row(file, "dicom") == [255, 249, 193, 130, 0]


def test_monochrome1_is_inverted_and_eight_bits_are_as_they_are():
    values = np.array([[0, 1, 200, 255]], np.uint8)
    assert row(dicom(values)) == [0, 1, 200, 255]
    assert row(dicom(values, PhotometricInterpretation="MONOCHROME1")) == [255, 254, 55, 0]
    file = dicom(VALUES, PhotometricInterpretation="MONOCHROME1")
    assert row(file, "0:4095") == [255, 249, 193, 130, 0]


def test_colours_are_read_and_what_is_neither_is_refused():
    picture = gradient(8, 8)
    assert np.array_equal(np.asarray(load_rgb(dicom(picture))), picture)
    with pytest.raises(ImageError, match="export it as PNG"):
        load_rgb(dicom(picture[..., 0], PhotometricInterpretation="PALETTE COLOR"))


def test_several_frames_are_refused_in_a_line(tmp_path):
    path = tmp_path / "scan.dcm"
    path.write_bytes(dicom(np.zeros((8, 8), np.uint8).repeat(3, 0).reshape(24, 8), NumberOfFrames=3, Rows=8))
    with pytest.raises(ImageError, match=r"scan.dcm is a DICOM file of 3 frames; extract one first$"):
        load_rgb(path)


@pytest.mark.parametrize(("name", "window"), [("CT_small.dcm", "40/400"), ("MR_small.dcm", "dicom")])
def test_real_files_are_read(name, window):
    path = get_testdata_file(name, download=False)
    dataset = pydicom.dcmread(path)
    image = np.asarray(load_rgb(path, window))
    assert image.shape == (dataset.Rows, dataset.Columns, 3) and image.std() > 10
    stored = dataset.pixel_array.astype(float)
    low, high = np.percentile(stored, [30, 70])
    assert image[..., 0][stored <= low].mean() < image[..., 0][stored >= high].mean()
    with pytest.raises(ImageError, match="--window 0:4095"):
        load_rgb(path)


def test_damaged_files_are_refused_without_what_stands_in_them():
    whole = dicom(VALUES, **HOUNSFIELD)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for end in (140, 300, len(whole) - 4):
            with pytest.raises(ImageError, match="DICOM file") as error:
                load_rgb(whole[:end], "full")
            assert "Doe" not in str(error.value) and error.value.__cause__ is None
    with pytest.raises(ImageError, match="without a picture"):
        load_rgb(Path(get_testdata_file("rtplan.dcm", download=False)))


def test_nothing_of_a_patient_is_in_a_ciphertext(key):
    rows = np.tile(np.arange(32, dtype=np.uint16) * 100, (32, 1))
    source = dicom(rows, **HOUNSFIELD, InstitutionName="Clinic of Nowhere")
    for format in ("png", "webp", "jpeg"):
        (cell,) = EncryptImages(key, window="-1000:2200", format=format)({"image": [{"bytes": source, "path": None}]})[
            "image"
        ]
        assert b"Doe" in source and not any(word in cell["bytes"] for word in (b"Doe", b"4711", b"Nowhere", b"DICM"))
        assert set(Image.open(io.BytesIO(cell["bytes"])).info) <= {"hf-etc", "comment", "exif", "jfif"} | {
            "jfif_version", "jfif_unit", "jfif_density", "loop", "background", "timestamp", "duration"
        }  # fmt: skip
    assert load_rgb(source, "full").info == {}


def test_a_folder_of_scans_is_encrypted_and_audited(key, tmp_path, capsys):
    folder, out = tmp_path / "scans", tmp_path / "out"
    folder.mkdir()
    rows = np.tile(np.arange(64, dtype=np.uint16) * 60, (64, 1))
    for number in range(3):
        (folder / f"{number}.dcm").write_bytes(dicom(rows + number))
    key.save(tmp_path / "clinic.key")
    words = ["encrypt", str(folder), str(out), "--key", str(tmp_path / "clinic.key")]
    assert main(words) == 2 and "--window 0:4095" in capsys.readouterr().err
    assert main([*words, "--window", "0:4095"]) == 0
    plain = EtcCipher(key).unseal(read_ciphertext(out / "1.png"))
    assert np.array_equal(plain, np.asarray(load_rgb(folder / "1.dcm", "0:4095")))
    assert main([*words, "--window", "40/400"]) == 2 and "window" in capsys.readouterr().err  # other pictures
    read = read_pictures(folder, EtcSpec(), limit=3, window="0:4095")
    assert np.array_equal(read.pixels[1], plain)


def test_a_phones_picture_is_read_upright(tmp_path):
    picture = Image.fromarray(gradient(32, 48)).resize((96, 64))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Phone of Jane"
    path = tmp_path / "photo.heic"
    from_pillow(picture).save(path, quality=-1, exif=exif.tobytes())
    image = load_rgb(path)
    assert image.size == (64, 96), "turned once"
    difference = np.asarray(image).astype(int) - np.asarray(picture.transpose(Image.Transpose.ROTATE_270))
    assert abs(difference).mean() < 4
    sealed = EncryptImages(EtcKey.generate())({"image": [{"bytes": path.read_bytes(), "path": None}]})["image"][0][
        "bytes"
    ]
    assert b"Jane" in path.read_bytes() and b"Jane" not in sealed


@pytest.mark.parametrize(
    ("package", "says"), [("pydicom", "pip install .*pydicom"), ("pillow_heif", "pip install .*pillow-heif")]
)
def test_a_missing_package_is_named_with_its_extra(monkeypatch, package, says):
    monkeypatch.setitem(sys.modules, package, None)
    file = io.BytesIO()
    from_pillow(Image.new("RGB", (32, 32))).save(file)
    with pytest.raises(MissingExtraError, match=says):
        load_rgb(dicom(VALUES) if package == "pydicom" else file.getvalue(), "full")


def test_servers_open_neither_and_columns_may_not_hold_them():
    for file in (dicom(VALUES), b"\0\0\0\x18ftypheic" + bytes(200)):
        with pytest.raises(ImageError, match="not an image that Pillow can read"):
            open_image(file)
        with pytest.raises(NotACiphertextError):
            read_ciphertext(file)
        assert picture_in(file)
