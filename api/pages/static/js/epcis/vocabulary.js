// Made by scripts/browser.py from ledger/epcis; do not edit by hand.

/** Lists of standard words, and what stands before a word in its address and in its URN.
 * @type {Record<string, {prefix: string, urn: string, words: string[]}>} */
export const WORDS = {
  "STEPS": {"prefix": "https://ref.gs1.org/cbv/BizStep-", "urn": "urn:epcglobal:cbv:bizstep:", "words": ["accepting", "arriving", "assembling", "collecting", "commissioning", "consigning", "creating_class_instance", "cycle_counting", "decommissioning", "departing", "destroying", "disassembling", "dispensing", "encoding", "entering_exiting", "holding", "inspecting", "installing", "killing", "loading", "other", "packing", "picking", "receiving", "removing", "repackaging", "repairing", "replacing", "reserving", "retail_selling", "sampling", "sensor_reporting", "shipping", "staging_outbound", "stock_taking", "stocking", "storing", "transporting", "unloading", "unpacking", "void_shipping"]},
  "DISPOSITIONS": {"prefix": "https://ref.gs1.org/cbv/Disp-", "urn": "urn:epcglobal:cbv:disp:", "words": ["active", "available", "completeness_inferred", "completeness_verified", "conformant", "container_closed", "container_open", "damaged", "destroyed", "dispensed", "disposed", "encoded", "expired", "in_progress", "in_transit", "inactive", "mismatch_class", "mismatch_instance", "mismatch_quantity", "needs_replacement", "no_pedigree_match", "non_conformant", "non_sellable_other", "partially_dispensed", "recalled", "reserved", "retail_sold", "returned", "sellable_accessible", "sellable_not_accessible", "stolen", "unavailable", "unknown"]},
  "TRANSACTIONS": {"prefix": "https://ref.gs1.org/cbv/BTT-", "urn": "urn:epcglobal:cbv:btt:", "words": ["bol", "cert", "desadv", "inv", "pedigree", "po", "poc", "prodorder", "recadv", "rma", "testprd", "testres", "upevt"]},
  "PARTIES": {"prefix": "https://ref.gs1.org/cbv/SDT-", "urn": "urn:epcglobal:cbv:sdt:", "words": ["location", "owning_party", "possessing_party"]},
  "ERRORS": {"prefix": "https://ref.gs1.org/cbv/ER-", "urn": "urn:epcglobal:cbv:er:", "words": ["did_not_occur", "incorrect_data"]},
  "COMPONENTS": {"prefix": "https://ref.gs1.org/cbv/Comp-", "urn": "urn:epcglobal:cbv:comp:", "words": ["altitude", "axial_distance", "azimuth", "easting", "elevation_angle", "height", "latitude", "longitude", "northing", "polar_angle", "spherical_radius", "x", "y", "z"]},
  "ALERTS": {"prefix": "https://gs1.org/voc/", "urn": "urn:epcglobal:cbv:alert:", "words": ["ALARM_CONDITION", "ERROR_CONDITION"]},
  "MEASUREMENTS": {"prefix": "https://gs1.org/voc/", "urn": "urn:epcglobal:cbv:measurement:", "words": ["AbsoluteHumidity", "AbsorbedDose", "AbsorbedDoseRate", "Acceleration", "Altitude", "AmountOfSubstance", "AmountOfSubstancePerUnitVolume", "Angle", "AngularAcceleration", "AngularMomentum", "AngularVelocity", "Area", "Capacitance", "Conductance", "Conductivity", "Count", "Density", "Dimensionless", "DoseEquivalent", "DoseEquivalentRate", "DynamicViscosity", "ElectricCharge", "ElectricCurrent", "ElectricCurrentDensity", "ElectricFieldStrength", "Energy", "Exposure", "Force", "Frequency", "Illuminance", "Inductance", "Irradiance", "KinematicViscosity", "Length", "LinearMomentum", "Luminance", "LuminousFlux", "LuminousIntensity", "MagneticFlux", "MagneticFluxDensity", "MagneticVectorPotential", "Mass", "MassConcentration", "MassFlowRate", "MassPerAreaTime", "MemoryCapacity", "MolalityOfSolute", "MolarEnergy", "MolarMass", "MolarVolume", "Power", "Pressure", "RadiantFlux", "RadiantIntensity", "Radioactivity", "RelativeHumidity", "Resistance", "Resistivity", "SolidAngle", "SpecificVolume", "Speed", "SurfaceDensity", "SurfaceTension", "Temperature", "Time", "Torque", "Voltage", "Volume", "VolumeFlowRate", "VolumeFraction", "VolumetricFlux", "Wavenumber"]},
};

/** What the standard's own context calls namespaces. @type {Record<string, string>} */
export const STANDARD_PREFIXES = {
  "epcis": "https://ref.gs1.org/epcis/",
  "cbv": "https://ref.gs1.org/cbv/",
  "cbvmda": "urn:epcglobal:cbv:mda:",
  "gs1": "https://gs1.org/voc/",
  "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
  "owl": "http://www.w3.org/2002/07/owl#",
  "xsd": "http://www.w3.org/2001/XMLSchema#",
  "dcterms": "http://purl.org/dc/terms/",
};

/** The members of an event of each type. @type {Record<string, string[]>} */
export const EVENT_MEMBERS = {
  "ObjectEvent": ["@context", "action", "bizLocation", "bizStep", "bizTransactionList", "certificationInfo", "destinationList", "disposition", "epcList", "errorDeclaration", "eventID", "eventTime", "eventTimeZoneOffset", "ilmd", "persistentDisposition", "quantityList", "readPoint", "recordTime", "sensorElementList", "sourceList", "type"],
  "AggregationEvent": ["@context", "action", "bizLocation", "bizStep", "bizTransactionList", "certificationInfo", "childEPCs", "childQuantityList", "destinationList", "disposition", "errorDeclaration", "eventID", "eventTime", "eventTimeZoneOffset", "parentID", "readPoint", "recordTime", "sensorElementList", "sourceList", "type"],
  "TransactionEvent": ["@context", "action", "bizLocation", "bizStep", "bizTransactionList", "certificationInfo", "destinationList", "disposition", "epcList", "errorDeclaration", "eventID", "eventTime", "eventTimeZoneOffset", "parentID", "quantityList", "readPoint", "recordTime", "sensorElementList", "sourceList", "type"],
  "TransformationEvent": ["@context", "bizLocation", "bizStep", "bizTransactionList", "certificationInfo", "destinationList", "disposition", "errorDeclaration", "eventID", "eventTime", "eventTimeZoneOffset", "ilmd", "inputEPCList", "inputQuantityList", "outputEPCList", "outputQuantityList", "readPoint", "recordTime", "sensorElementList", "sourceList", "transformationID", "type"],
  "AssociationEvent": ["@context", "action", "bizLocation", "bizStep", "bizTransactionList", "certificationInfo", "childEPCs", "childQuantityList", "destinationList", "disposition", "errorDeclaration", "eventID", "eventTime", "eventTimeZoneOffset", "parentID", "readPoint", "recordTime", "sensorElementList", "sourceList", "type"],
};

/** Names that no prefix may have. */
export const STANDARD_TERMS = ["@context", "AggregationEvent", "AssociationEvent", "ObjectEvent", "TransactionEvent", "TransformationEvent", "action", "bizLocation", "bizStep", "bizTransaction", "bizTransactionList", "certificationInfo", "childEPCs", "childQuantityList", "destination", "destinationList", "disposition", "epcClass", "epcList", "errorDeclaration", "eventID", "eventTime", "eventTimeZoneOffset", "id", "ilmd", "inputEPCList", "inputQuantityList", "outputEPCList", "outputQuantityList", "parentID", "persistentDisposition", "quantity", "quantityList", "readPoint", "recordTime", "sensorElementList", "sensorMetadata", "sensorReport", "source", "sourceList", "transformationID", "type", "uom"];

/** Members of sensor metadata and of reports, by what they hold. */
export const METADATA_URIS = ["deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules"];
export const METADATA_TIMES = ["time", "startTime", "endTime"];
export const REPORT_URIS = ["deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "microorganism", "chemicalSubstance", "coordinateReferenceSystem", "uriValue"];
export const REPORT_NUMBERS = ["value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue"];
export const REPORT_TEXTS = ["stringValue", "uom"];
export const REPORT_TIMES = ["time"];
export const REPORT_FLAGS = ["booleanValue"];
export const REPORT_HEX = ["hexBinaryValue"];
