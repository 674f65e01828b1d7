"""The Core Business Vocabulary's words, and the three ways in which an event may write them.

Rules: in JSON-LD a standard word is written bare (`shipping`), as a compact name (`cbv:BizStep-shipping`) or as a web address
(`https://ref.gs1.org/cbv/BizStep-shipping`); all three mean the same. The `urn:epcglobal:cbv:` form belongs to XML and is
refused in JSON, as GS1's own schema does. Any other URI is a word of somebody's own.

The words are those of CBV 2.0 §7 and §8; what they mean is said there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CBV: Final = "https://ref.gs1.org/cbv/"
GS1: Final = "https://gs1.org/voc/"
STANDARD_PREFIXES: Final = {
    "epcis": "https://ref.gs1.org/epcis/",
    "cbv": CBV,
    "cbvmda": "urn:epcglobal:cbv:mda:",
    "gs1": GS1,
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "dcterms": "http://purl.org/dc/terms/",
}
"""What the standard's own JSON-LD context calls these namespaces; nobody may call anything else so."""
CONTEXT: Final = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
"""The standard's JSON-LD context. It is never fetched: this program knows what it says."""
CONTEXTS: Final = frozenset(
    {
        CONTEXT,
        "https://ref.gs1.org/standards/epcis/epcis-context.jsonld",
        "https://ref.gs1.org/standards/epcis/2.0.1/epcis-context.jsonld",
        "https://gs1.github.io/EPCIS/epcis-context.jsonld",
    }
)
"""Addresses under which it is served."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """One list of standard words."""

    name: str
    """What the words are, for messages."""
    prefix: str
    """What stands before a word in its web address."""
    urn: str
    """What stands before a word in its URN, which is for XML."""
    words: frozenset[str]

    def address(self, word: str) -> str:
        """The web address of a word as an event writes it; a word of somebody's own stays as it is."""
        if word in self.words:
            return self.prefix + word
        for short in ("cbv", "gs1"):
            if word.startswith(f"{short}:"):
                return STANDARD_PREFIXES[short] + word[len(short) + 1 :]
        if word.startswith(self.urn):
            return self.prefix + word[len(self.urn) :]
        return word

    def short(self, word: str) -> str:
        """The bare word, if it is a standard one however it is written; otherwise the address of somebody's own."""
        address = self.address(word)
        bare = address.removeprefix(self.prefix)
        return bare if bare in self.words and address.startswith(self.prefix) else address


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


STEPS: Final = Vocabulary(
    "business step",
    CBV + "BizStep-",
    "urn:epcglobal:cbv:bizstep:",
    _words(
        "accepting arriving assembling collecting commissioning consigning creating_class_instance cycle_counting "
        "decommissioning departing destroying disassembling dispensing encoding entering_exiting holding inspecting installing "
        "killing loading other packing picking receiving removing repackaging repairing replacing reserving retail_selling "
        "sampling sensor_reporting shipping staging_outbound stock_taking stocking storing transporting unloading unpacking "
        "void_shipping"
    ),
)
DISPOSITIONS: Final = Vocabulary(
    "disposition",
    CBV + "Disp-",
    "urn:epcglobal:cbv:disp:",
    _words(
        "active available completeness_inferred completeness_verified conformant container_closed container_open damaged "
        "destroyed dispensed disposed encoded expired in_progress in_transit inactive mismatch_class mismatch_instance "
        "mismatch_quantity needs_replacement no_pedigree_match non_conformant non_sellable_other partially_dispensed recalled "
        "reserved retail_sold returned sellable_accessible sellable_not_accessible stolen unavailable unknown"
    ),
)
TRANSACTIONS: Final = Vocabulary(
    "business transaction type",
    CBV + "BTT-",
    "urn:epcglobal:cbv:btt:",
    _words("bol cert desadv inv pedigree po poc prodorder recadv rma testprd testres upevt"),
)
PARTIES: Final = Vocabulary(
    "source or destination type",
    CBV + "SDT-",
    "urn:epcglobal:cbv:sdt:",
    _words("owning_party possessing_party location"),
)
ERRORS: Final = Vocabulary(
    "error reason", CBV + "ER-", "urn:epcglobal:cbv:er:", _words("did_not_occur incorrect_data")
)
COMPONENTS: Final = Vocabulary(
    "component",
    CBV + "Comp-",
    "urn:epcglobal:cbv:comp:",
    _words(
        "x y z axial_distance azimuth height spherical_radius polar_angle elevation_angle easting northing latitude longitude "
        "altitude"
    ),
)
ALERTS: Final = Vocabulary(
    "sensor alert", GS1, "urn:epcglobal:cbv:alert:", _words("ALARM_CONDITION ERROR_CONDITION")
)
MEASUREMENTS: Final = Vocabulary(
    "measurement type",
    GS1,
    "urn:epcglobal:cbv:measurement:",
    _words(
        "AbsoluteHumidity AbsorbedDose AbsorbedDoseRate Acceleration Radioactivity Altitude AmountOfSubstance "
        "AmountOfSubstancePerUnitVolume Angle AngularAcceleration AngularMomentum AngularVelocity Area Capacitance Conductance "
        "Conductivity Count Density Dimensionless DoseEquivalent DoseEquivalentRate DynamicViscosity ElectricCharge "
        "ElectricCurrent ElectricCurrentDensity ElectricFieldStrength Energy Exposure Force Frequency Illuminance Inductance "
        "Irradiance KinematicViscosity Length LinearMomentum Luminance LuminousFlux LuminousIntensity MagneticFlux "
        "MagneticFluxDensity MagneticVectorPotential Mass MassConcentration MassFlowRate MassPerAreaTime MemoryCapacity "
        "MolalityOfSolute MolarEnergy MolarMass MolarVolume Power Pressure RadiantFlux RadiantIntensity RelativeHumidity "
        "Resistance Resistivity SolidAngle SpecificVolume Speed SurfaceDensity SurfaceTension Temperature Time Torque Voltage "
        "Volume VolumeFlowRate VolumeFraction VolumetricFlux Wavenumber"
    ),
)
